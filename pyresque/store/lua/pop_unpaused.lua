-- Take the payload at the head of a queue, unless the queue is paused.
--
-- KEYS  1 the queue's list   2 pause:all   3 pause:queue:<name>
-- ARGV  none
-- Returns the payload; nil where there is none, or where a pause is a text, whatever it says.
for _, text in ipairs(redis.call("MGET", KEYS[2], KEYS[3])) do
  if text then return false end
end
return redis.call("LPOP", KEYS[1])
