-- Enqueue one run of a recurring job and note its date, if this process is the master and no other has enqueued that run.
--
-- KEYS  1 the master lock   2 its owner   3 last_enqueued_at   4 queues   5 the queue's list
-- ARGV  1 host:pid; "" checks no lock   2 this process's token   3 the entry's name   4 the date noted last ("": none)
--       5 the date to note   6 the queue's name; "" enqueues nothing   7 the payload
-- Returns 1 enqueued and noted, 2 enqueued and not noted, as KEYS[3] is no hash, 0 not the master, -1 another has run it
--
-- The date comes first: where HSET is denied, each tick would enqueue the same run again. Where RPUSH fails the old date is
-- written back.

if ARGV[1] ~= "" then
  if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
  local owner = redis.call("GET", KEYS[2])
  if owner and owner ~= ARGV[2] then return 0 end
end
local noted = redis.pcall("HGET", KEYS[3], ARGV[3])
local wrong = type(noted) == "table" and string.find(noted.err, "WRONGTYPE", 1, true)
if type(noted) == "table" and not wrong then return noted end
if not wrong then
  if (noted or "") ~= ARGV[4] then return -1 end
  redis.call("HSET", KEYS[3], ARGV[3], ARGV[5])
end
if ARGV[6] ~= "" then
  local pushed = redis.pcall("RPUSH", KEYS[5], ARGV[7])
  if type(pushed) == "table" then
    if not wrong then
      if noted then redis.call("HSET", KEYS[3], ARGV[3], noted) else redis.call("HDEL", KEYS[3], ARGV[3]) end
    end
    return pushed
  end
  redis.pcall("SADD", KEYS[4], ARGV[6])
end
return wrong and 2 or 1
