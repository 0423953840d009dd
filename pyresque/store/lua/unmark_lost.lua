-- Delete the mark of a job whose process died, where no equal payload is queued: an equal one has set the mark for itself.
--
-- KEYS  1 the mark   2 the queue's list
-- ARGV  1 seconds after which the mark expires; "" deletes it   2 the payload
-- Returns 1 where the mark was deleted or expires now, else 0

local queued = redis.pcall("LPOS", KEYS[2], ARGV[2])
if type(queued) == "number" then return 0 end
if ARGV[1] == "" then return redis.call("DEL", KEYS[1]) end
local left = redis.call("TTL", KEYS[1])
if left == -1 or left > tonumber(ARGV[1]) then return redis.call("EXPIRE", KEYS[1], ARGV[1]) end
return 0
