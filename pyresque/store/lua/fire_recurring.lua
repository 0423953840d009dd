-- Queue one run of a recurring job and note when, if this process is the master and nobody else has queued it meanwhile.
--
-- KEYS  1 the master lock   2 its owner   3 last_enqueued_at   4 queues   5 the queue's list
-- ARGV  1 host:pid; "" asks for no lock   2 this process's token   3 the entry's name   4 what was noted last ("": nothing)
--       5 what to note   6 the queue's name; "" queues nothing   7 the payload
-- Returns 1 queued and noted, 2 queued and not noted, as KEYS[3] is no hash, 0 not the master, -1 somebody else has run it

if ARGV[1] ~= "" then
  if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
  local owner = redis.call("GET", KEYS[2])
  if owner and owner ~= ARGV[2] then return 0 end
end
local noted = redis.pcall("HGET", KEYS[3], ARGV[3])
local wrong = type(noted) == "table" and string.find(noted.err, "WRONGTYPE", 1, true)
if not wrong and (noted or "") ~= ARGV[4] then return -1 end
-- The push comes first: on a key of a wrong type it ends the script, and nothing is noted.
if ARGV[6] ~= "" then
  redis.call("RPUSH", KEYS[5], ARGV[7])
  redis.pcall("SADD", KEYS[4], ARGV[6])
end
if wrong then return 2 end
redis.call("HSET", KEYS[3], ARGV[3], ARGV[5])
return 1
