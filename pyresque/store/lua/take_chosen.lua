-- Finishes a worker's job that did not fail, and takes one that the worker has chosen among those that it has read, from wherever it
-- is in its queue; one round trip. A job that failed is finished by turn.lua, which the worker sends in front of this.
--
-- It takes the job that is nearest to the head among the chosen ones that are still there: Ruby pops at the head meanwhile, and other
-- workers take theirs. The job's bytes are not changed, and neither is the order of the jobs that stay.
--
-- It does nothing at all
--   * if worker:<id> does not hold the record that is to be finished, or any record where none is;
--   * if the routing table is not the one that the worker chose by, so that a class that is routed to Ruby stays;
--   * if the worker or the queue is paused (see turn.lua);
--   * if more jobs lie aside for Python than the worker has seen there: a mover puts those aside that stood in front of others;
--   * if none of the chosen jobs is found.
--
-- The chosen jobs may stand nearer to the head by now. Near the head LPOS, which Redis has from 6.0.6 on, finds them; elsewhere they are
-- looked for from a little in front of the first one's index up to the last one's, then further in front. Jobs that are equal to the last byte cannot be told apart: the one in front is removed.
--
-- A job far from the head is overwritten with a mark and the mark removed, which begins at the nearer end; any other is removed from the
-- head on. Where nothing may be overwritten (Redis' memory is full), that is done for all.
--
-- KEYS  1 worker:<id>   2 migrate:routes   3 pause-all-workers   4 pause:all   5 pause:queue:<name>   6 the list
--       7 stat:processed   8 stat:processed:<id>   9 the list of the queue's jobs that lie aside
--       then the key of each command that is carried out with the finishing (writes.lua)
-- ARGV  1 the worker record up to the payload   2 its end   3 SHA1 of the routing table; "" for none, "-" if the key is no string
--       4 how long the list of jobs that lie aside was when it held none of ours; -1: it does not matter
--       5 the record that is finished; "" finishes nothing   6 how many jobs were chosen
--       then for each of these, in the queue's order: its index when it was read, and its bytes;
--       then the commands that are carried out (writes.lua)
-- Returns one of these:
--   reply                     | when
--   {1, number, index, wrong} | the job of that number, from 1, was taken from that index; wrong: the numbers in KEYS of those of a
--                             | wrong type that were to be written, left out if there is none
--   {0}                       | none of the jobs was found
--   {-1}                      | worker:<id> does not hold what it should
--   {-2}                      | the routing table is another one
--   {-3}                      | all workers are paused
--   {-4, 1 or 0}              | the queue is paused; 1: by pause:all
--   {-5}                      | the list is none
--   {-6}                      | more jobs lie aside by now, perhaps ours, which come first

local keys, args, call, pcall_redis = KEYS, ARGV, redis.call, redis.pcall

-- writes.lua

-- Increments a counter. The job has been taken by now, so no error may stop the script. Returns the number of its key if it is wrong.
local function count(number_of_key, own)
  if type(pcall_redis("INCR", keys[number_of_key])) == "number" then return end
  if own then pcall_redis("SET", keys[number_of_key], 1) end
  return number_of_key
end

-- The usual take has a code path of its own, first: one job was chosen, and it stands where it was read. Whatever is not usual is
-- left to the rest of the script.
if args[6] == "1" then
  local finished, at, raw = args[5], tonumber(args[7]), args[8]
  local routes = pcall_redis("GET", keys[2])
  if at <= 512 and (pcall_redis("GET", keys[1]) or "") == finished
      and type(routes) ~= "table" and (routes and redis.sha1hex(routes) or "") == args[3]
      and call("EXISTS", keys[3], keys[4], keys[5]) == 0 and (args[4] == "-1" or call("EXISTS", keys[9]) == 0)
      and pcall_redis("LINDEX", keys[6], at) == raw and pcall_redis("LREM", keys[6], 1, raw) == 1 then
    local written = pcall_redis("SET", keys[1], args[1] .. raw .. args[2])
    if written.err then
      call("LPUSH", keys[6], raw)
      return written
    end
    if finished == "" then return {1, 1, at} end
    local all, own = count(7), count(8, true)
    if #keys > 9 then carry_out(10, #keys, 9) end  -- of keys of a wrong type those are told that are the worker's own
    if not (all or own) then return {1, 1, at} end
    return {1, 1, at, {all or own, all and own}}
  end
end

local aside, seen = keys[9], tonumber(args[4])
table.remove(keys, 9)  -- what follows is numbered without them
table.remove(args, 4)

local function is_wrong(reply)
  return type(reply) == "table" and reply.err and string.find(reply.err, "WRONGTYPE", 1, true)
end

local finished = args[4]
local held = pcall_redis("GET", keys[1])
if type(held) == "table" then
  if not is_wrong(held) then return held end
  held = finished  -- it is written anew
end
if (held or "") ~= finished then return {-1} end

local routes = pcall_redis("GET", keys[2])
if is_wrong(routes) then
  routes = "-"
elseif type(routes) == "table" then
  return routes
else
  routes = routes and redis.sha1hex(routes) or ""
end
if routes ~= args[3] then return {-2} end

if call("EXISTS", keys[3], keys[4], keys[5]) > 0 then
  local pause = pcall_redis("GET", keys[3])
  if type(pause) == "string" and string.find(string.lower(pause), "^%s*true%s*$") then return {-3} end
  local paused = call("MGET", keys[4], keys[5])
  if paused[1] or paused[2] then return {-4, paused[1] and 1 or 0} end
end

if seen >= 0 then
  local now = pcall_redis("LLEN", aside)
  if type(now) == "number" and now > seen then return {-6} end
end

local key, chosen = keys[6], tonumber(args[5])
local first = tonumber(args[6])
local found, number, length

local there = pcall_redis("LINDEX", key, first)
if is_wrong(there) then return {-5} end
if type(there) == "table" then return there end
local alike = false
for place = 9, 5 + 2 * chosen, 2 do
  if args[place] == args[7] then alike = true end
end
if there == args[7] and not alike then found, number = first, 1 end

-- The chosen jobs that are still there stand in their order, so the first that is found is the one in front.
local last = tonumber(args[4 + 2 * chosen]) + 9
for place = 1, last <= 1000 and not (found or alike) and chosen or 0 do
  local at = pcall_redis("LPOS", key, args[5 + 2 * place], "MAXLEN", last)
  if type(at) == "table" then break end  -- this Redis has no LPOS
  if at then
    found, number = at, place
    break
  end
  if place == chosen then return {0} end
end

-- Finds the first chosen job from the index low up to high.
local numbers
local function look(low, high)
  low, high = math.max(0, low), math.min(high, length - 1)
  if found or low > high then return end
  for place, element in ipairs(call("LRANGE", key, low, high)) do
    if numbers[element] then
      found, number = low + place - 1, numbers[element]
      return
    end
  end
end

if not found then
  numbers, length = {}, call("LLEN", key)
  for place = 5 + 2 * chosen, 7, -2 do numbers[args[place]] = (place - 5) / 2 end
  local near = math.max(4, math.min(128, math.floor(1000000 / math.max(1, #args[7]))))
  local behind = first <= 2 * near and 0 or first - near
  look(behind, first + 8)
  local size = 4 * near
  while not found and behind > 0 and size <= 64 * near do
    look(behind - size, behind - 1)
    behind, size = behind - size, 4 * size
  end
  look(first + 9, last - 1)
end
if not found then return {0} end

local raw = args[5 + 2 * number]
local removed = 0
if found > 512 and found > call("LLEN", key) - found then
  local mark = "taken by " .. keys[1]
  -- This changes no list. It fails if the removal would: then the job must not be overwritten.
  local tried = pcall_redis("LREM", keys[1], 1, mark)
  if type(tried) == "table" and not is_wrong(tried) then return tried end
  if not pcall_redis("LSET", key, found, mark).err then
    repeat  -- an element like the mark, behind it, goes first
      removed = call("LREM", key, -1, mark)
    until call("LINDEX", key, found) ~= mark
  end
end
if removed == 0 then removed = call("LREM", key, 1, raw) end
if removed == 0 then return {0} end

local written = pcall_redis("SET", keys[1], args[1] .. raw .. args[2])
if type(written) == "table" and written.err then
  call("LPUSH", key, raw)
  return written
end
if finished == "" then return {1, number, found} end

local wrong
for number_of_key = 7, 8 do
  if count(number_of_key, number_of_key == 8) then
    wrong = wrong or {}
    wrong[#wrong + 1] = number_of_key
  end
end
if #keys > 8 then
  for _, number_of_key in ipairs(carry_out(9, #keys, 6 + 2 * chosen) or {}) do
    wrong = wrong or {}
    wrong[#wrong + 1] = number_of_key
  end
end
return {1, number, found, wrong}
