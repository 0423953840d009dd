-- Reads jobs of a queue behind a place that the reader remembers by one element, its anchor. Takes nothing.
--
-- Others pop at the head meanwhile, so the anchor stands nearer to it by now. It is looked for at its old index. Near the head LPOS, which
-- Redis has from 6.0.6 on, finds it; elsewhere it is looked for in front of its old index, in larger and larger parts. One call searches
-- some thousand elements, since Redis serves nobody meanwhile; the next one goes on in front of them. If the anchor is nowhere, it was
-- taken itself, or nobody can tell where it is: reading begins at the head.
--
-- KEYS  1 the queue's list
-- ARGV  1 the anchor; "" for none   2 its index when it was read; without an anchor the index to begin at
--       3 how many jobs to read, at most   4 how many bytes; more is read only to complete a part
--       5 how many jobs to read at the head, too   6 how many jobs to read in the first part: large jobs are read in small parts
-- Returns {index of the first job read, length of the list, jobs, jobs at the head}; {-1} if the key is no list; {-2, index} if the
-- anchor can only be from that index on towards the head

local key, anchor, at = KEYS[1], ARGV[1], tonumber(ARGV[2])
local most, most_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])

local length = redis.pcall("LLEN", key)
if type(length) == "table" then
  if string.find(length.err, "WRONGTYPE", 1, true) then return {-1} end
  return length
end

-- The index of the anchor, or -1; and where it can only be, if it was not found.
local function find()
  if at >= 0 and redis.call("LINDEX", key, at) == anchor then return at end  -- below 0: others have popped more than was read
  local high = math.min(at + 16, length - 1)  -- a job that was put back at the head moves the others on
  if high < 1000 then
    local found = redis.pcall("LPOS", key, anchor, "MAXLEN", high + 1)
    if type(found) == "number" then return found end  -- else it is not there, or this Redis has no LPOS
  end
  local size = math.max(4, math.min(128, math.floor(1000000 / #anchor)))
  local widest = 64 * size
  while high >= 0 and size <= widest do
    local low = math.max(0, high - size + 1)
    for place, element in ipairs(redis.call("LRANGE", key, low, high)) do
      if element == anchor then return low + place - 1 end
    end
    high, size = low - 1, 4 * size
  end
  return -1, high
end

local start = 0
if anchor == "" then
  start = math.min(at, length)
elseif length > 0 then
  local found, high = find()
  if found < 0 and high >= 0 then return {-2, high} end
  start = found + 1
end

local part = math.min(most, tonumber(ARGV[6]))
local jobs = redis.call("LRANGE", key, start, start + part - 1)
local count = #jobs
if part < most and count == part then
  local bytes = 0
  for _, job in ipairs(jobs) do bytes = bytes + #job end
  while count < most and bytes < most_bytes do
    part = math.min(most - count, math.max(1, math.floor((most_bytes - bytes) * count / math.max(1, bytes))))
    local more = redis.call("LRANGE", key, start + count, start + count + part - 1)
    for place, job in ipairs(more) do
      jobs[count + place] = job
      bytes = bytes + #job
    end
    count = count + #more
    if #more < part then break end
  end
end

local head, wanted = {}, math.min(tonumber(ARGV[5]), start)
if wanted > 0 then head = redis.call("LRANGE", key, 0, wanted - 1) end
return {start, length, jobs, head}
