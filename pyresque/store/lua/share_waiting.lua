-- How one of many workers waits for a job in a queue: a few watch the queue itself, the others wait until one of these calls them.
-- One script for the question and for the good-bye: a worker that says good-bye has a job, and reads no reply.
--
-- KEYS  1 workers   2 waiting:watchers:QUEUE, a sorted set: who watches, by the second in which that ends
--       3 waiting:calls:QUEUE, a list: who waits to be called pops from it   4 queue:QUEUE
-- ARGV  1 who it is   2 watchers at a time
--       3 "enter"   4 seconds for which it would watch   5 so many registered workers may all watch, and nobody notes it
--       3 "leave"   4 calls at most
-- Returns for "enter" 0 when there are enough watchers, 1 to watch although nobody notes it, 2 to watch as one of KEYS[2];
--         for "leave" how many were called: one for each job that is left, and one to watch.
--
-- Who watches and dies is no longer counted after its seconds. The other watchers know of the jobs that are left, so nobody is called
-- for as many. Calls that nobody pops end after two seconds; while there are any, nobody waits for one. A key of a wrong type lets
-- everybody watch, and nobody is called.

local me, places = ARGV[1], tonumber(ARGV[2])

if ARGV[3] == "enter" then
  local workers = redis.pcall("SCARD", KEYS[1])
  if type(workers) == "table" or workers <= tonumber(ARGV[5]) then return 1 end
  local now = tonumber(redis.call("TIME")[1])
  if type(redis.pcall("ZREMRANGEBYSCORE", KEYS[2], "-inf", now)) == "table" then return 1 end
  if not redis.call("ZSCORE", KEYS[2], me) and redis.call("ZCARD", KEYS[2]) >= places then return 0 end
  redis.call("ZADD", KEYS[2], now + ARGV[4], me)
  redis.call("EXPIRE", KEYS[2], ARGV[4])
  return 2
end

if type(redis.pcall("ZREM", KEYS[2], me)) == "table" then return 0 end
local unheard = redis.pcall("LLEN", KEYS[3])
if type(unheard) == "table" or unheard > 0 then return 0 end
local watchers = redis.call("ZCARD", KEYS[2])
local jobs = redis.pcall("LLEN", KEYS[4])
if type(jobs) == "table" then jobs = 0 end

local calls = {}
for number = 1, math.min(jobs - watchers, tonumber(ARGV[4])) do calls[number] = "look" end
if watchers < places then calls[#calls + 1] = "watch" end
if #calls > 0 then
  redis.call("RPUSH", KEYS[3], unpack(calls))
  redis.call("EXPIRE", KEYS[3], 2)
end
return #calls
