-- One turn of a worker: finish the job it has (and record its failure), then reserve the next one; one round trip.
-- Nothing can be lost between the parts: a job is in its queue, in worker:<id>, or finished.
--
-- Theory of operation. worker:<id> holds the worker's current job as the record
--     {"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":PAYLOAD}
-- The worker sends the part before PAYLOAD for each of its queues, and the record of the job that it finishes. The script
--   1. reads the pause keys, and the known queues if the worker chose its own from them;
--   2. appends the failed record, if there is one, before it writes anything else: if Redis refuses that, nothing is changed;
--   3. pops the first payload of the first queue that has one and is not paused, and writes its record into worker:<id>;
--   4. compares what worker:<id> held with the finished record, and counts the job only if they are equal;
--   5. carries out what the job's plugins write at its end (writes.lua), only if they are equal, too.
-- If the worker was pruned meanwhile, worker:<id> holds another record or none, so the job is not counted twice; its failure is
-- still recorded, as Ruby's worker does. If there is no next job, the script deletes worker:<id>.
--
-- The usual turn has a code path of its own, first: no failure, no pause, one GETSET in place of GET, DEL and SET, few arguments,
-- and the bare payload as reply. It must be short, because all workers share the server's one thread.
--
-- A queue is paused while pause:queue:<name> or pause:all holds a string, whatever it says (resque-pause). One EXISTS covers all
-- keys that may pause the first queue; the script asks for the other queues' keys only when the first queue is empty.
--
-- The script never re-encodes a payload. It only checks that the payload is a JSON object: if Ruby cannot read a worker record, the
-- Ruby worker that prunes it fails at its start. Any other payload is wrapped: {"class":null,"args":[],"raw":...}. If cjson
-- accepts a payload that Ruby's JSON does not, the worker corrects the record afterwards.
--
-- Keys of a wrong type do not stop the worker. The reply names them, so that the worker can warn. The script skips a queue that is
-- not a list and a counter that is not a number, and overwrites worker:<id> and the worker's own counters. Only if the key of the
-- failed records is not a list does it return an error, with nothing changed.
--
-- Two readers know these replies: store/reserve.py (all of them), and store/reserve_raw.py in the fork server, which reads the
-- usual payload and {1, place, payload, "", {}}, and leaves every other reply to reserve.py. tests/store/test_reserve_readers.py
-- runs every branch and compares them.
--
-- KEYS  1 worker:<id>   2 stat:processed   3 stat:processed:<id>   4 pause-all-workers   5 pause:all
--       6... queue lists, in order; then their pause keys (pause:queue:<name>), in the same order;
--       then, if the script does more than finish and reserve, these five:
--       stat:failed, stat:failed:<id>, the list of failed records, failed_queues, queues;
--       then the key of each command of the job's plugins
-- ARGV  1 "" if payloads are JSON; for MessagePack the bytes to write before a payload that is not a map
--       2... for each queue the beginning of its worker record, up to the payload;
--       then, if the five keys are given:
--         the commands of the job's plugins (writes.lua)
--         SHA1 of the known queues, sorted and joined by newlines, that the lists were chosen from; "" for a fixed choice
--         the failed record to append; "" for none
--         the name to remember in failed_queues; "" for none
--         1 if the failure counts, else 0; and 2 more for each command of the job's plugins
--       last  the worker record that is finished; "" finishes nothing
-- Returns one of these:
--   reply                                         | when
--   payload                                       | finished is 1, place is 1, payload not wrapped, no wrong keys
--   {finished, place, payload, record, wrong}     | any other job; record "": head, payload and tail make it
--   {finished, 0, "", "", wrong}                  | no job
--   {finished, 0, "", "", wrong, paused places}   | no job, and some queues are paused; {0}: pause:all is set
--   {finished, -1, known queues[, wrong]}         | Redis knows other queues than the worker chose from; no job was taken
--   {finished, -2[, wrong]}                       | all workers are paused; no job was taken
--   {0, -3, number of a key, error}               | Redis refuses a push of the job's plugins; nothing was done
-- finished: 1 if worker:<id> held the finished record, else 0. place: the queue's place, from 1. wrong: the keys of a wrong type, a
-- queue as its place, any other key as its number in KEYS with a minus sign.

local keys, args, call, pcall_redis = KEYS, ARGV, redis.call, redis.pcall
local finished = args[#args]
local usual = #keys == 2 * #args + 1
local queues, next_place, writes = (#keys - 5) / 2, 1, 0
if not usual then
  writes = math.floor(tonumber(args[#args - 1]) / 2)
  queues = (#keys - 10 - writes) / 2
end
local chosen_from, failed, name, counted = "", "", "", ""
local place, raw, wrong, held, wrapped, record = 0

local kept  -- whether any key exists that may pause the first queue
if queues > 0 then
  kept = call("EXISTS", keys[4], keys[5], keys[6 + queues]) > 0
else
  kept = call("EXISTS", keys[4]) > 0
end

local all, own, no_list  -- replies to INCR; an error in place of the first queue's payload
if not usual then
  chosen_from, failed, name, counted = unpack(args, #args - 4, #args - 1)
elseif queues > 0 and not kept and args[1] == "" then
  raw, next_place = pcall_redis("LPOP", keys[6]), 2
  if type(raw) == "string" then
    place = 1
    if string.byte(raw) == 123 and pcall(cjson.decode, raw) then
      record = args[2] .. raw .. "}"
      held = pcall_redis("GETSET", keys[1], record)
      if held == finished and finished ~= "" then
        all, own = pcall_redis("INCR", keys[2]), pcall_redis("INCR", keys[3])
        if type(all) == "number" and type(own) == "number" then return raw end
      end
    end
  elseif raw then
    no_list, raw = raw, nil
  else
    raw = nil
  end
end

local more = 5 + 2 * queues  -- the keys before stat:failed

local function is_wrong(reply, number)
  if type(reply) ~= "table" or not reply.err then return false end
  local message = reply.err
  if not (string.find(message, "WRONGTYPE", 1, true) or string.find(message, "not an integer", 1, true)
      or string.find(message, "overflow", 1, true)) then
    return false
  end
  wrong = wrong or {}
  wrong[#wrong + 1] = number
  return true
end

-- Increments a counter, unless reply is already INCR's; notes a counter that cannot be incremented, and resets an own one to 1.
local function count(number, own, reply)
  reply = reply or pcall_redis("INCR", keys[number])
  if type(reply) == "number" then return end
  -- A job has been popped by now, so an error here must not stop the script before it has written the job's record.
  if not is_wrong(reply, -number) then
    wrong = wrong or {}
    wrong[#wrong + 1] = -number
  elseif own then
    call("SET", keys[number], 1)
  end
end

if no_list and not is_wrong(no_list, 1) then return no_list end
if all then
  count(2, false, all)
  count(3, true, own)
  return {1, 1, raw, "", wrong}
end

local function is_one_table(fine, value, ...)
  return fine and type(value) == "table" and select("#", ...) == 0
end

-- Adds the places of paused queues from first to last to the table paused. MGET replies nil for a key that is not a string.
local paused = {}
local function find_paused(first, last)
  for start = first, last, 4000 do
    local stop = math.min(start + 3999, last)
    if call("EXISTS", unpack(keys, 5 + queues + start, 5 + queues + stop)) > 0 then
      for at, text in ipairs(call("MGET", unpack(keys, 5 + queues + start, 5 + queues + stop))) do
        if text then paused[start + at - 1] = true end
      end
    end
  end
end

local pause, all_paused = false, false
if kept then
  pause = pcall_redis("GET", keys[4])
  if type(pause) == "table" then
    if not is_wrong(pause, -4) then return pause end
    pause = false
  end
  if queues > 0 then
    all_paused = call("MGET", keys[5])[1]
    find_paused(1, 1)
  end
end

local reply  -- set if no job is to be taken
if pause and string.find(string.lower(pause), "^%s*true%s*$") then
  reply = {0, -2}
elseif chosen_from ~= "" then
  local known = pcall_redis("SMEMBERS", keys[more + 5])
  if known.err then
    if not is_wrong(known, -5 - more) then return known end
    known = {}
  end
  table.sort(known)
  if redis.sha1hex(table.concat(known, "\n")) ~= chosen_from then reply = {0, -1, known} end
end

-- writes.lua

local ours, written, first_write = 0, nil, #keys - writes + 1
if writes > 0 then
  local now = pcall_redis("GET", keys[1])
  if type(now) == "table" then
    if not string.find(now.err, "WRONGTYPE", 1, true) then return now end
    now = finished
  end
  if now ~= finished then
    writes = 0  -- whoever pruned this worker has decided on the job
  else
    local number, message = refused_push(first_write, #keys, 2 + queues)
    if number then return {0, -3, number, message} end
  end
end

-- A worker that was pruned while it worked still records its job's failure, as Ruby's does. RPUSH comes before any other write: if
-- Redis denies it, nothing is changed. If Redis's memory is full, the record is pushed last, after the script's other writes:
-- Redis then allows it.
if failed ~= "" then
  local pushed = pcall_redis("RPUSH", keys[more + 3], failed)
  if type(pushed) == "number" then
    failed = ""
  else
    local list = string.find(pushed.err, "OOM command", 1, true) and pcall_redis("LLEN", keys[more + 3]) or pushed
    if type(list) == "table" then
      if not string.find(list.err, "WRONGTYPE", 1, true) then return list end
      return redis.error_reply("WRONGTYPE " .. keys[more + 3] .. " holds no list of failed records")
    end
  end
end

if writes > 0 and not redis.acl_check_cmd then
  local number, message
  written, number, message = carry_out(first_write, #keys, 2 + queues)
  if not written and args[#args - 3] == "" then return {0, -3, number, message} end
  written = written or {number}
end

local asked = 1  -- find_paused has run for the queues up to this place
while not (reply or raw or all_paused) and next_place <= queues do
  place, next_place = next_place, next_place + 1
  if place > asked then
    find_paused(place, queues)
    asked = queues
  end
  raw = not paused[place] and pcall_redis("LPOP", keys[5 + place])
  if type(raw) == "table" then
    if not is_wrong(raw, place) then return raw end
    raw = nil
  end
end

if raw then
  if not record then
    local foot = "}"
    if args[1] ~= "" then
      foot = ""
      if not is_one_table(pcall(cmsgpack.unpack, raw)) then wrapped = args[1] .. cmsgpack.pack(raw) end
    elseif not (string.find(raw, "^%s*{") and pcall(cjson.decode, raw)) then
      wrapped = '{"class":null,"args":[],"raw":' .. cjson.encode(raw) .. "}"
    end
    record = args[1 + place] .. (wrapped or raw) .. foot
    held = pcall_redis("GETSET", keys[1], record)
  end
  if type(held) == "table" then
    if not is_wrong(held, -1) then
      call("LPUSH", keys[5 + place], raw)
      return held
    end
    call("SET", keys[1], record)
    held = finished
  end
elseif finished ~= "" then
  held = pcall_redis("GET", keys[1])
  if type(held) == "table" then
    if not is_wrong(held, -1) then return held end
    held = finished
  end
  if held == finished then call("DEL", keys[1]) end
end

if finished ~= "" and held == finished then
  count(2)
  count(3, true)
  ours = 1
end

if failed ~= "" then call("RPUSH", keys[more + 3], failed) end
if name ~= "" then is_wrong(pcall_redis("SADD", keys[more + 4], name), -4 - more) end
-- The failure counts even if its record went to a failure backend that is not a list.
if counted ~= "" and counted % 2 == 1 then
  count(more + 1)
  count(more + 2, true)
end

-- Last of all: a server whose memory is full allows it by now.
if writes > 0 then
  local number
  if not written then written, number = carry_out(first_write, #keys, 2 + queues) end
  for _, at in ipairs(written or {number}) do
    wrong = wrong or {}
    wrong[#wrong + 1] = -at
  end
end

if ours == 1 and raw and place == 1 and not wrapped and not wrong then return raw end
if reply then
  reply[1] = ours
  reply[#reply + 1] = wrong
  return reply
end
if raw then return {ours, place, raw, wrapped and record or "", wrong or {}} end
local places = {all_paused and 0 or nil}
for at = 1, all_paused and 0 or queues do
  if paused[at] then places[#places + 1] = at end
end
return {ours, 0, "", "", wrong or {}, #places > 0 and places or nil}
