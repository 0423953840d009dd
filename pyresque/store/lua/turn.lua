-- One turn of a worker: finish the job it has (and record its failure), then reserve the next one; one round trip.
-- Nothing can be lost between the parts: a job is in its queue, in worker:<id>, or finished.
--
-- Theory of operation. A worker's job stands in worker:<id> as the record
--     {"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":PAYLOAD}
-- The worker sends what stands before PAYLOAD for each of its queues, and the record of the job that it finishes. The script
--   1. looks at the pause keys, and at the known queues where the worker's were chosen from them;
--   2. appends the failed record, if there is one, before anything else is written: if that is refused, nothing was done;
--   3. pops the first payload of the first queue that has one and is not paused, and writes its record into worker:<id>;
--   4. compares what worker:<id> held with the finished record: only if they are equal is the job ours to count.
-- A worker that was pruned meanwhile holds another record, or none, so its job is not counted twice; its failure is still
-- recorded, as Ruby's worker does. Where there is no next job, worker:<id> is deleted.
--
-- The usual turn is written out before all others: nothing failed, nothing is paused, one GETSET in place of GET, DEL and SET,
-- few arguments, and the bare payload as reply. The server's time is what all workers share.
--
-- A queue is paused while pause:queue:<name> or pause:all is a text, whatever it says (resque-pause). One EXISTS asks for all
-- that may keep the first queue's job back; the other queues are asked after once the first one is empty.
--
-- A payload is never decoded and encoded again, only looked at, briefly: a worker record that Ruby cannot read makes the Ruby
-- worker that prunes it fail at its start. A payload that is no JSON object is wrapped: {"class":null,"args":[],"raw":...}.
-- What this look takes for JSON and Ruby does not, the worker corrects afterwards.
--
-- Keys of a wrong type hold nothing up. They are done without and named in the reply, so that the worker can warn: a queue that
-- is no list is skipped, what is no counter does not count, worker:<id> and the worker's own counters are written anew. A list
-- of failed records that is no list is an error, and nothing was done.
--
-- Two readers know these replies: store/reserve.py (all of them), and store/reserve_raw.py in the fork server, which reads the
-- usual payload and {1, place, payload, "", {}} and leaves every other reply to the first. tests/store/test_reserve_readers.py
-- runs every branch and compares them.
--
-- KEYS  1 worker:<id>   2 stat:processed   3 stat:processed:<id>   4 pause-all-workers   5 pause:all
--       6... queue lists, in order; behind them their pauses (pause:queue:<name>), in the same order
--       and, where there is more to do than finish and reserve, these five behind them:
--       stat:failed, stat:failed:<id>, the list of failed records, failed_queues, queues
-- ARGV  1 "" where payloads are JSON; for MessagePack what stands for a payload that is no map: everything before its text
--       2... for each queue the beginning of its worker record, up to the payload
--       and, where the five keys are given:
--         SHA1 of the known queues, sorted and joined by newlines, that the lists were chosen from; "" for a fixed choice
--         the failed record to append; "" for none
--         the name to remember in failed_queues; "" for none
--         "1" counts the failure
--       last  the worker record that is finished; "" finishes nothing
-- Returns payload, where the finished record was ours and the first queue gave a job that could be taken as it is; else
--         {finished, place of the queue (0: there is no job), payload,
--          worker record ("": the queue's beginning, the payload, and the end), wrong keys}, or
--         {finished, -1, known queues} where other queues are known now, so that nothing was taken, or
--         {finished, -2} while all workers are paused; these two with the wrong keys behind them, where there are any.
--         Where no queue gave a job and some are paused, a sixth part lists the places of these; a lone 0: pause:all is set.
--         Wrong keys: of a queue its place, of any other key its number in KEYS below 0.

local keys, args, call, pcall_redis = KEYS, ARGV, redis.call, redis.pcall
local finished = args[#args]
local usual = #keys % 2 == 1
local queues, next_place = (#keys - (usual and 5 or 10)) / 2, 1
local chosen_from, failed, name, counted = "", "", "", ""
local place, raw, wrong, held, wrapped, record = 0

local kept  -- whether there is any key that may keep the first queue's job back
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

-- Counts, where no reply to INCR is given, and sees to what may not be counted.
local function count(number, own, reply)
  reply = reply or pcall_redis("INCR", keys[number])
  if type(reply) == "number" then return end
  -- By now a job has been taken: a count that may not be written must not cost what is still to be written of it.
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

-- Adds to paused the places of those queues from first to last that are. A key that is no text pauses none: MGET has nil for it.
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

local reply  -- where nothing is to be taken
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

-- A worker that was pruned while it worked still tells how its job failed, as Ruby's does. The record comes before all else is
-- written: where it may not be, nothing is done. A server whose memory is full lets it in last, when the script has made room.
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

local asked = 1  -- the queues of which is known whether they are paused
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

local ours = 0
if finished ~= "" and held == finished then
  count(2)
  count(3, true)
  ours = 1
end

if failed ~= "" then call("RPUSH", keys[more + 3], failed) end
if name ~= "" then is_wrong(pcall_redis("SADD", keys[more + 4], name), -4 - more) end
-- Counted also when the record went elsewhere: to a failure backend that is no list.
if counted == "1" then
  count(more + 1)
  count(more + 2, true)
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
