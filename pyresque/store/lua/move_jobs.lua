-- Move jobs of one slice of a queue to another queue, or to the head of their own: those that still stand where they were seen. One
-- atomic step: a job is in one queue at any moment, whatever others pop or push.
--
-- KEYS  1 the queue's list   2 the list that they are moved to   3 queues   then marks of the jobs
-- ARGV  1 a text that no job is   2 index of the slice's first job   3 how many jobs the slice has   4 name of the queue that they are
--       moved to   5 "head" or "tail"
--       then for each job: its index in the slice from 0, its bytes, the numbers in KEYS of its mark in its queue and in the other one
--       ("0" for none), and the seconds after which the latter expires ("" never)
-- Returns for each job 1 moved, 0 another one stands there now, 2 not moved because an equal job is in the other queue by its mark

local first, count = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call("SCARD", KEYS[3])  -- this and the next raise on a key of another type, before anything is written
redis.call("LLEN", KEYS[2])
local found = redis.call("LRANGE", KEYS[1], first, first + count - 1)
local answers, moved, places, marks = {}, {}, {}, {}
for at = 6, #ARGV, 5 do
  local place, mark = tonumber(ARGV[at]), tonumber(ARGV[at + 3])
  local answer = 0
  if found[place + 1] == ARGV[at + 1] then
    if mark > 0 and (marks[KEYS[mark]] or redis.pcall("GET", KEYS[mark]) == "1") then
      answer = 2
    else
      answer = 1
      moved[#moved + 1] = ARGV[at + 1]
      places[#places + 1] = place
      if mark > 0 then marks[KEYS[mark]] = at end
    end
  end
  answers[#answers + 1] = answer
end
if #moved == 0 then return answers end

for _, place in ipairs(places) do redis.call("LSET", KEYS[1], first + place, ARGV[1]) end
local pushed
if ARGV[5] == "head" then
  for number = #moved, 1, -1 do
    pushed = redis.pcall("LPUSH", KEYS[2], moved[number])
    if type(pushed) == "table" then break end
  end
else
  for from = 1, #moved, 1000 do
    pushed = redis.pcall("RPUSH", KEYS[2], unpack(moved, from, math.min(from + 999, #moved)))
    if type(pushed) == "table" then break end
  end
end
if type(pushed) == "table" then  -- the first push is refused, or none
  for number, place in ipairs(places) do redis.call("LSET", KEYS[1], first + place, moved[number]) end
  return pushed
end
local nearer_tail = 2 * first > redis.call("LLEN", KEYS[1])
redis.call("LREM", KEYS[1], nearer_tail and -#moved or #moved, ARGV[1])
redis.pcall("SADD", KEYS[3], ARGV[4])
for _, at in pairs(marks) do
  local old, new = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  if old > 0 then redis.call("DEL", KEYS[old]) end
  redis.call("SET", KEYS[new], "1")
  if ARGV[at + 4] ~= "" then redis.call("EXPIRE", KEYS[new], ARGV[at + 4]) end
end
return answers
