-- One turn of a worker: finish the job it has (and record its failure), then reserve the next one; one round trip.
-- Nothing can be lost between the parts: a job is in its queue, in worker:<id>, or finished.
--
-- KEYS  1 worker:<id>   2 stat:processed   3 stat:processed:<id>   4 stat:failed   5 stat:failed:<id>
--       6 pause-all-workers   7 list of failed records   8 failed_queues   9... queue lists, in order
-- ARGV  1 the worker record that is finished; "" finishes nothing
--       2 the failed record to append to KEYS[7]; "" for none
--       3 the name to remember in KEYS[8]; "" for none
--       4 "1" counts the failure in KEYS[4] and KEYS[5]
--       5 "json" or "msgpack": how payloads are written
--       6 what ends a worker record, after the payload
--       7 what stands for a payload that is not an object: everything before its text
--       8 what comes after that text
--       9... for each queue what begins its worker record, up to the payload
-- Returns {finished, paused, place of the queue (0: none), payload, worker record, places of keys of a wrong type}
--
-- A payload is never decoded and encoded again here; it is only looked at, because a worker record that Ruby cannot
-- read makes the Ruby worker that prunes it fail at its start.

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

-- Levels that Ruby reads, less the one that a record adds.
local DEEPEST = 99

-- Ruby reads 1e999 as Infinity, and then cannot write it into the failed record of a worker it prunes.
local function finite(value)
  if type(value) == "number" then return value > -math.huge and value < math.huge end
  if type(value) ~= "table" then return true end
  for _, inner in pairs(value) do
    if not finite(inner) then return false end
  end
  return true
end

-- What cjson takes and Ruby refuses: control characters inside strings, numbers such as 1. and -.5
local function stricter(raw)
  local odd = string.find(raw, "%c") or string.find(raw, "-.", 1, true)
    or (string.find(raw, ".", 1, true) and string.find(raw, "%d%.%D"))
  if not odd then return true end
  local control = false
  local bare = string.gsub(string.gsub(raw, "\\.", ""), '"([^"]*)"', function(text)
    control = control or string.find(text, "[%z\1-\31]") ~= nil
    return '"'
  end)
  return not (control or string.find(bare, "%d%.%D") or string.find(bare, "%-%."))
end

local function readable(raw)
  if ARGV[5] == "msgpack" then
    local fine, value = pcall(cmsgpack.unpack, raw)
    return fine and type(value) == "table"
  end
  if not string.find(raw, "^%s*{") then return false end
  local strict = cjson.new()
  strict.decode_invalid_numbers(false)
  strict.decode_max_depth(DEEPEST)
  local fine, value = pcall(strict.decode, raw)
  return fine and finite(value) and stricter(raw)
end

local function quoted(raw)
  if ARGV[5] == "msgpack" then return cmsgpack.pack(raw) end
  return cjson.encode(raw)
end

local finished = finish()
local pause = redis.call("GET", KEYS[6])
if pause and string.find(string.lower(pause), "^%s*true%s*$") then return {finished, 1, 0, "", "", {}} end

local wrong = {}
for place = 1, #KEYS - 8 do
  local raw = redis.pcall("LPOP", KEYS[8 + place])
  if type(raw) == "table" then
    wrong[#wrong + 1] = place
  elseif raw then
    local payload = readable(raw) and raw or (ARGV[7] .. quoted(raw) .. ARGV[8])
    local record = ARGV[8 + place] .. payload .. ARGV[6]
    redis.call("SET", KEYS[1], record)
    return {finished, 0, place, raw, record, wrong}
  end
end
return {finished, 0, 0, "", "", wrong}
