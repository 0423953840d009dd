-- Carry out what the plugins of a job write at its end: of one that was lost with its worker, or at once.
--
-- KEYS  1 lost_jobs   2... the key of each command (writes.lua)
-- ARGV  1 the field of lost_jobs that holds the job; "" carries out the commands whatever that hash holds
--       2 the worker record that is seen there   3... the commands (writes.lua)
-- Returns {1, numbers of KEYS that are of a wrong type, or may not be written} where the field is deleted and all is done,
--         {0} where another process has the job, and nothing was done,
--         {-1, a number of KEYS, an error} where Redis refuses a push or a deletion, and nothing was done

-- writes.lua

local field = ARGV[1]
if field ~= "" then
  local held = redis.pcall("HGET", KEYS[1], field)
  if type(held) == "table" then return {-1, 1, held.err} end
  if held ~= ARGV[2] then return {0} end
end
local number, message = refused_push(2, #KEYS, 3)
if number then return {-1, number, message} end
-- Before the commands: a server whose memory is full allows them then.
if field ~= "" then
  local deleted = redis.pcall("HDEL", KEYS[1], field)
  if type(deleted) == "table" then return {-1, 1, deleted.err} end
end
local wrong
wrong, number, message = carry_out(2, #KEYS, 3)
if wrong then return {1, wrong} end
if field ~= "" then redis.call("HSET", KEYS[1], field, ARGV[2]) end
return {-1, number, message}
