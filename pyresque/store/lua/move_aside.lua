-- Move payloads of a queue to the list from which only Python's workers take, if the routing table still is the one by which they were
-- chosen. One atomic step: a payload is in one of the two lists, whatever others pop or push meanwhile.
--
-- Payloads are chosen by their bytes, so that a payload that has moved within the queue is found, and an equal one behind it goes with
-- it. Whatever Redis may refuse (a full memory, a denied command, a list of a wrong type) it refuses before anything is changed.
--
-- KEYS  1 queue:<name>   2 migrate:queue:<name>   3 migrate:routes   4 migrate:queues   5 migrate:mover:<name>
-- ARGV  1 the routing table   2 the queue's name   3 who moves   4 milliseconds for which no other process may move jobs of this queue
--       5 a text that no payload is   6 first and   7 last index between which the payloads are   8... the payloads
-- Returns how many were moved; -1: the routing table is another one; -2: another process moves jobs of this queue

if (redis.call("GET", KEYS[3]) or "") ~= ARGV[1] then return -1 end
local mover = redis.pcall("GET", KEYS[5])
if type(mover) == "string" and mover ~= ARGV[3] then return -2 end
redis.call("SET", KEYS[5], ARGV[3], "PX", ARGV[4])

local chosen = {}
for at = 8, #ARGV do chosen[ARGV[at]] = true end

local first, moved, places = tonumber(ARGV[6]), {}, {}
for at, payload in ipairs(redis.call("LRANGE", KEYS[1], first, ARGV[7])) do
  if chosen[payload] then
    moved[#moved + 1] = payload
    places[#places + 1] = first + at - 1
  end
end
if #moved == 0 then return 0 end

-- Neither of these changes a list; they fail if the writes below would. (Where LREM is allowed, it finds a text in place of a list.)
local tried = redis.pcall("LREM", KEYS[5], 1, ARGV[5])
if type(tried) == "table" and not string.find(tried.err, "WRONGTYPE", 1, true) then return tried end
redis.call("LSET", KEYS[1], places[1], moved[1])
for from = 1, #moved, 1000 do
  redis.call("RPUSH", KEYS[2], unpack(moved, from, math.min(from + 999, #moved)))
end
for _, at in ipairs(places) do redis.call("LSET", KEYS[1], at, ARGV[5]) end
local nearer_tail = 2 * first > redis.call("LLEN", KEYS[1])
redis.call("LREM", KEYS[1], nearer_tail and -#moved or #moved, ARGV[5])
redis.pcall("SADD", KEYS[4], ARGV[2])
return #moved
