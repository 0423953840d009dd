-- Move payloads that were put aside for Python back to the head of their queue, in their order. As move_aside.lua: one atomic step, the
-- payloads are chosen by their bytes, and what Redis may refuse it refuses before anything is changed.
--
-- KEYS  1 migrate:queue:<name>   2 queue:<name>   3 migrate:routes   4 queues   5 migrate:mover:<name>   6 migrate:queues
-- ARGV  1 the routing table; "any" for whatever it is   2 the queue's name   3 who moves
--       4 milliseconds for which no other process may move jobs of this queue   5 a text that no payload is
--       6 first and   7 last index between which the payloads are, both from the tail (below 0)   8... the payloads
-- Returns how many were moved; -1: the routing table is another one; -2: another process moves jobs of this queue

if ARGV[1] ~= "any" and (redis.call("GET", KEYS[3]) or "") ~= ARGV[1] then return -1 end
local mover = redis.pcall("GET", KEYS[5])
if type(mover) == "string" and mover ~= ARGV[3] then return -2 end
redis.call("SET", KEYS[5], ARGV[3], "PX", ARGV[4])

local chosen = {}
for at = 8, #ARGV do chosen[ARGV[at]] = true end

local length = redis.call("LLEN", KEYS[1])
local first = math.max(0, length + tonumber(ARGV[6]))
local moved, places = {}, {}  -- from the last one to the first, as LPUSH takes them
local found = redis.call("LRANGE", KEYS[1], first, ARGV[7])
for at = #found, 1, -1 do
  if chosen[found[at]] then
    moved[#moved + 1] = found[at]
    places[#places + 1] = first + at - 1
  end
end
if #moved == 0 then return 0 end

-- Neither of these changes a list; they fail if the writes below would. (Where LREM is allowed, it finds a text in place of a list.)
local tried = redis.pcall("LREM", KEYS[5], 1, ARGV[5])
if type(tried) == "table" and not string.find(tried.err, "WRONGTYPE", 1, true) then return tried end
redis.call("LSET", KEYS[1], places[1], moved[1])
for from = 1, #moved, 1000 do
  redis.call("LPUSH", KEYS[2], unpack(moved, from, math.min(from + 999, #moved)))
end
for _, at in ipairs(places) do redis.call("LSET", KEYS[1], at, ARGV[5]) end
local nearer_tail = 2 * first > length
redis.call("LREM", KEYS[1], nearer_tail and -#moved or #moved, ARGV[5])
redis.pcall("SADD", KEYS[4], ARGV[2])
if redis.call("EXISTS", KEYS[1]) == 0 then redis.pcall("SREM", KEYS[6], ARGV[2]) end
return #moved
