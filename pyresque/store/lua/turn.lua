-- One turn of a worker: finish the job it has (and record its failure), then reserve the next one; one round trip.
-- Nothing can be lost between the parts: a job is in its queue, in worker:<id>, or finished.
--
-- KEYS  1 worker:<id>   2 stat:processed   3 stat:processed:<id>   4 stat:failed   5 stat:failed:<id>
--       6 pause-all-workers   7 list of failed records   8 failed_queues   9 queues   10... queue lists, in order
-- ARGV  1 the worker record that is finished; "" finishes nothing
--       2 the failed record to append to KEYS[7]; "" for none
--       3 the name to remember in KEYS[8]; "" for none
--       4 "1" counts the failure in KEYS[4] and KEYS[5]
--       5 "json" or "msgpack": how payloads are written
--       6 what ends a worker record, after the payload
--       7 what stands for a payload that is not an object: everything before its text
--       8 what comes after that text
--       9 SHA1 of the known queues, sorted and joined by newlines, that the lists were chosen from; "" for a fixed choice
--       10... for each queue what begins its worker record, up to the payload
-- Returns {finished, paused, place of the queue (0: none, -1: other queues are known now, so nothing was taken),
--          payload, worker record, places of keys of a wrong type; for -1 the queues that are known}
--
-- A payload is never decoded and encoded again here; it is only looked at, and briefly: a worker record that Ruby cannot
-- read makes the Ruby worker that prunes it fail at its start. What is JSON to this look alone, the worker puts right.

local function finish()
  if ARGV[1] == "" then return 0 end
  local held = redis.call("GET", KEYS[1]) == ARGV[1]
  if held then
    redis.call("DEL", KEYS[1])
    redis.call("INCR", KEYS[2])
    redis.call("INCR", KEYS[3])
  end
  -- A worker that was pruned while it worked still tells how its job failed, as Ruby's does.
  if ARGV[2] ~= "" then
    redis.call("RPUSH", KEYS[7], ARGV[2])
    if ARGV[3] ~= "" then redis.call("SADD", KEYS[8], ARGV[3]) end
  end
  -- Counted also when the record went elsewhere: to a failure backend that is no list.
  if ARGV[4] == "1" then
    redis.call("INCR", KEYS[4])
    redis.call("INCR", KEYS[5])
  end
  return held and 1 or 0
end

local function readable(raw)
  if ARGV[5] == "msgpack" then
    local fine, value = pcall(cmsgpack.unpack, raw)
    return fine and type(value) == "table"
  end
  if not string.find(raw, "^%s*{") then return false end
  return (pcall(cjson.decode, raw))
end

local function quoted(raw)
  if ARGV[5] == "msgpack" then return cmsgpack.pack(raw) end
  return cjson.encode(raw)
end

local finished = finish()
local pause = redis.call("GET", KEYS[6])
if pause and string.find(string.lower(pause), "^%s*true%s*$") then return {finished, 1, 0, "", "", {}} end

if ARGV[9] ~= "" then
  local known = redis.call("SMEMBERS", KEYS[9])
  table.sort(known)
  if redis.sha1hex(table.concat(known, "\n")) ~= ARGV[9] then return {finished, 0, -1, "", "", known} end
end

local wrong = {}
for place = 1, #KEYS - 9 do
  local raw = redis.pcall("LPOP", KEYS[9 + place])
  if type(raw) == "table" then
    wrong[#wrong + 1] = place
  elseif raw then
    local payload = readable(raw) and raw or (ARGV[7] .. quoted(raw) .. ARGV[8])
    local record = ARGV[9 + place] .. payload .. ARGV[6]
    redis.call("SET", KEYS[1], record)
    return {finished, 0, place, raw, record, wrong}
  end
end
return {finished, 0, 0, "", "", wrong}
