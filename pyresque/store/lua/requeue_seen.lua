-- Requeue the jobs of failed records and mark the records: those that still stand where they were seen.
--
-- KEYS  1 list of failed records   2 queues   3... lists of queues, then the jobs' own marks
-- ARGV  1 index of the slice's first record   2 how many records the slice has   3 how many queues
--       then for each record: its index in the slice from 0, its bytes, the marked record,
--       the number of its queue's list in KEYS, the queue's name, the payload, the number of the job's own mark in KEYS
--       ("0" for none), and the seconds after which that mark expires ("" never)
-- Returns for each record 1 requeued, 0 another record stands there now, 2 the key of its queue is no list, 3 marked alone
--
-- Where the job's own mark is set, an equal job is queued: the record is marked, and nothing is pushed.
-- A record is marked and its job pushed, or neither, where LSET or RPUSH is denied.

local first, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = redis.call("LRANGE", KEYS[1], first, first + count - 1)
redis.call("SCARD", KEYS[2])  -- raises on a key of another type, before anything is written
local usable = {}
for number = 3, 2 + tonumber(ARGV[3]) do
  local kind = redis.call("TYPE", KEYS[number]).ok
  usable[number] = kind == "list" or kind == "none"
end
local answers = {}
for at = 4, #ARGV, 8 do
  local index, queue = tonumber(ARGV[at]), tonumber(ARGV[at + 3])
  local answer = 0
  if not usable[queue] then
    answer = 2
  elseif found[index + 1] == ARGV[at + 1] then
    redis.call("LSET", KEYS[1], first + index, ARGV[at + 2])
    local mark = KEYS[tonumber(ARGV[at + 6])]
    answer = 3
    if not (mark and redis.pcall("GET", mark) == "1") then
      local pushed = redis.pcall("RPUSH", KEYS[queue], ARGV[at + 5])
      if type(pushed) == "table" then
        redis.call("LSET", KEYS[1], first + index, ARGV[at + 1])
        return pushed
      end
      redis.pcall("SADD", KEYS[2], ARGV[at + 4])
      if mark then
        redis.call("SET", mark, "1")
        if ARGV[at + 7] ~= "" then redis.call("EXPIRE", mark, ARGV[at + 7]) end
      end
      answer = 1
    end
  end
  answers[#answers + 1] = answer
end
return answers
