-- Remove one failed record by its index. (Ruby overwrites it by an empty text and then removes the first empty element.)
--
-- KEYS  1 list of failed records
-- ARGV  1 index   2 the record that was seen there; "" for any   3 a text that no record is
-- Returns 1, or 0 when another record stands there now; an index out of range is the server's own error

if ARGV[2] ~= "" and redis.call("LINDEX", KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local set = redis.pcall("LSET", KEYS[1], ARGV[1], ARGV[3])
if set.err then return set end
return redis.call("LREM", KEYS[1], 1, ARGV[3])
