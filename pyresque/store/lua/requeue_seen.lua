-- Put the jobs of failed records back into their queues and mark the records: those that are still where they were seen.
--
-- KEYS  1 list of failed records   2 queues   3... lists of queues
-- ARGV  1 index of the slice's first record   2 how many records the slice has
--       then for each record: its place in the slice from 0, its bytes, the record to put there,
--       the place of its queue's list among KEYS from 1, the queue's name, the payload
-- Returns for each record 1 put back, 0 another record stands there now, 2 the key of its queue is no list

local first, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = redis.call("LRANGE", KEYS[1], first, first + count - 1)
redis.call("SCARD", KEYS[2])  -- a key of a wrong type ends the script before anything is written
local usable = {}
for place = 3, #KEYS do
  local kind = redis.call("TYPE", KEYS[place]).ok
  usable[place] = kind == "list" or kind == "none"
end
local answers = {}
for at = 3, #ARGV, 6 do
  local place, queue = tonumber(ARGV[at]), tonumber(ARGV[at + 3])
  local answer = 0
  if not usable[queue] then
    answer = 2
  elseif found[place + 1] == ARGV[at + 1] then
    redis.call("RPUSH", KEYS[queue], ARGV[at + 5])
    redis.call("SADD", KEYS[2], ARGV[at + 4])
    redis.call("LSET", KEYS[1], first + place, ARGV[at + 2])
    answer = 1
  end
  answers[#answers + 1] = answer
end
return answers
