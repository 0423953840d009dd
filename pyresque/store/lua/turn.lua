-- One turn of a worker: finish the job it has (and record its failure), then reserve the next one; one round trip.
-- Nothing can be lost between the parts: a job is in its queue, in worker:<id>, or finished.
--
-- KEYS  1 worker:<id>   2 stat:processed   3 stat:processed:<id>   4 pause-all-workers   5... queue lists, in order
--       and, where there is more to do than finish and reserve, these five behind them:
--       stat:failed, stat:failed:<id>, the list of failed records, failed_queues, queues
-- ARGV  1 "" where payloads are JSON; for MessagePack what stands for a payload that is no map: everything before its text
--       2... for each queue what begins its worker record, up to the payload
--       and, where the five keys are given:
--         SHA1 of the known queues, sorted and joined by newlines, that the lists were chosen from; "" for a fixed choice
--         the failed record to append; "" for none
--         the name to remember in failed_queues; "" for none
--         "1" counts the failure
--       last  the worker record that is finished; "" finishes nothing
-- Returns payload, where what was finished was ours and the first queue gave a job that could be taken as it is; else
--         {finished, place of the queue (0: there is no job), payload,
--          worker record ("": what begins that queue's, the payload, and what ends it), places of keys of a wrong type}, or
--         {finished, -1, known queues} where other queues are known now, so that nothing was taken, or
--         {finished, -2} while all workers are paused.
--
-- A payload is never decoded and encoded again here; it is only looked at, and briefly: a worker record that Ruby cannot
-- read makes the Ruby worker that prunes it fail at its start. What is JSON to this look alone, the worker puts right.
-- GETSET in place of GET, DEL and SET, few arguments, a short reply, and the usual turn written out before all others: the
-- server's time is what all workers share.

local keys, args, call = KEYS, ARGV, redis.call
local finished = args[#args]
local queues, next_place = #keys - 4, 1
local chosen_from, failed, name, counted = "", "", "", ""
local place, raw, wrong, held, odd, record = 0
local pause = call("GET", keys[4])

if #keys - #args == 3 then
  queues = #keys - 9
  chosen_from, failed, name, counted = unpack(args, #args - 4, #args - 1)
  -- Keys of another type are found out before anything is written. What grows is written last: a server whose memory is full
  -- lets it in a script that has made room before.
  if failed ~= "" then call("LLEN", keys[7 + queues]) end
  if name ~= "" then call("SCARD", keys[8 + queues]) end
elseif queues > 0 and not pause and args[1] == "" then
  raw, next_place = redis.pcall("LPOP", keys[5]), 2
  if raw and type(raw) == "string" then
    place = 1
    if string.byte(raw) == 123 and pcall(cjson.decode, raw) then
      record = args[2] .. raw .. "}"
      held = redis.pcall("GETSET", keys[1], record)
      if held == finished and finished ~= "" then
        call("INCR", keys[2])
        call("INCR", keys[3])
        return raw
      end
    end
  else
    wrong, raw = raw and {1}, nil
  end
end

local reply  -- where nothing is to be taken
if pause and string.find(string.lower(pause), "^%s*true%s*$") then
  reply = {0, -2}
elseif chosen_from ~= "" then
  local known = call("SMEMBERS", keys[9 + queues])
  table.sort(known)
  if redis.sha1hex(table.concat(known, "\n")) ~= chosen_from then reply = {0, -1, known} end
end

while not (reply or raw) and next_place <= queues do
  place, next_place = next_place, next_place + 1
  raw = redis.pcall("LPOP", keys[4 + place])
  if type(raw) == "table" then
    wrong = wrong or {}
    wrong[#wrong + 1] = place
    raw = nil
  end
end

if raw then
  if not record then
    local foot = "}"
    if args[1] ~= "" then
      foot = ""
      local fine, value = pcall(cmsgpack.unpack, raw)
      if not fine or type(value) ~= "table" then odd = args[1] .. cmsgpack.pack(raw) end
    elseif not (string.find(raw, "^%s*{") and pcall(cjson.decode, raw)) then
      odd = '{"class":null,"args":[],"raw":' .. cjson.encode(raw) .. "}"
    end
    record = args[1 + place] .. (odd or raw) .. foot
    held = redis.pcall("GETSET", keys[1], record)
  end
  if type(held) == "table" then
    call("LPUSH", keys[4 + place], raw)
    return held
  end
elseif finished ~= "" then
  held = call("GET", keys[1])
  if held == finished then call("DEL", keys[1]) end
end

local ours = 0
if finished ~= "" and held == finished then
  call("INCR", keys[2])
  call("INCR", keys[3])
  ours = 1
end

-- A worker that was pruned while it worked still tells how its job failed, as Ruby's does.
if failed ~= "" then
  call("RPUSH", keys[7 + queues], failed)
  if name ~= "" then call("SADD", keys[8 + queues], name) end
end
-- Counted also when the record went elsewhere: to a failure backend that is no list.
if counted == "1" then
  call("INCR", keys[5 + queues])
  call("INCR", keys[6 + queues])
end

if ours == 1 and raw and place == 1 and not odd and not wrong then return raw end
if reply then
  reply[1] = ours
  return reply
end
if not raw then place = 0 end
return {ours, place, raw or "", odd and record or "", wrong or {}}
