-- Remove elements of one slice of a list: those that still stand where they were seen. The others keep their order.
--
-- KEYS  1 a list
-- ARGV  1 a text that no element is   2 index of the slice's first element   3 how many elements the slice has
--       then for each element to remove: its index in the slice from 0, its bytes
-- Returns the indexes in the slice at which another element stands now: these were not removed
--
-- The script overwrites each by the text, and one LREM removes them all: Redis goes through the other elements once a slice.

local first, count = tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call("LRANGE", KEYS[1], first, first + count - 1)
local missed, marked = {}, 0
for at = 4, #ARGV, 2 do
  local place = tonumber(ARGV[at])
  if found[place + 1] == ARGV[at + 1] then
    redis.call("LSET", KEYS[1], first + place, ARGV[1])
    marked = marked + 1
  else
    missed[#missed + 1] = place
  end
end
if marked > 0 then
  local nearer_tail = 2 * first > redis.call("LLEN", KEYS[1])
  redis.call("LREM", KEYS[1], nearer_tail and -marked or marked, ARGV[1])
end
return missed
