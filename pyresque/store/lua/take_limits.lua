-- Count a job against all of its limits; where one of them is reached, put the job into its restriction queue and count nothing.
--
-- KEYS  1 queues   2 the restriction queue's list   3... counters of what is left of each limit
-- ARGV  1 name of the restriction queue; "" pushes nothing   2 the payload   then for each counter: its limit, and the seconds after which it expires; "" never
-- Returns 1 where the job was counted, 0 where a limit is reached
--
-- A counter that holds no number counts as missing.

local function number(found)
  if type(found) ~= "string" or #found > 18 or not string.find(found, "^%-?%d+$") then return nil end
  return tonumber(found)
end

for at = 3, #KEYS do
  local found = number(redis.pcall("GET", KEYS[at]))
  if found and found <= 0 then
    if ARGV[1] ~= "" then
      redis.call("RPUSH", KEYS[2], ARGV[2])
      redis.pcall("SADD", KEYS[1], ARGV[1])
    end
    return 0
  end
end
for at = 3, #KEYS do
  local limit, seconds = ARGV[at * 2 - 3], ARGV[at * 2 - 2]
  if number(redis.pcall("GET", KEYS[at])) then
    redis.call("DECR", KEYS[at])
  else
    redis.call("SET", KEYS[at], limit - 1)
    if seconds ~= "" then redis.call("EXPIRE", KEYS[at], seconds) end
  end
end
return 1
