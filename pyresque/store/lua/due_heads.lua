--!df flags=allow-undeclared-keys
-- Read the first jobs that are due, in the order of their timestamps, and leave them where they are.
--
-- KEYS  1 delayed_queue_schedule
-- ARGV  1 the latest timestamp that is due; "+inf" for all   2 how many jobs at most   3 the prefix of the names of lists
-- Returns {{timestamp, {payload...}, the member of the sorted set to remove, where that is not the timestamp}...,
--          {timestamps whose key is no list}}; an empty list, whose jobs were removed, counts as one job
--
-- The members of the sorted set name the lists, so KEYS cannot hold them; they have the same namespace. Where a client wrote a
-- time with a fraction, its list may be named by the whole second, or by the score.

local function names(member, score)
  local found = {member}
  for _, other in ipairs({string.match(member, "^%s*([+-]?%d+)") or "", score, string.match(score, "^[+-]?%d+") or ""}) do
    local known = other == ""
    for _, name in ipairs(found) do known = known or name == other end
    if not known then found[#found + 1] = other end
  end
  return found
end

local found, stuck = {}, {}
local left, seen = tonumber(ARGV[2]), 0
while left > 0 do
  local page = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", ARGV[1], "WITHSCORES", "LIMIT", seen, left)
  if #page == 0 then break end
  for at = 1, #page, 2 do
    if left < 1 then break end
    local member, head, wrong = page[at], nil, false
    for _, name in ipairs(names(member, page[at + 1])) do
      local payloads = redis.pcall("LRANGE", ARGV[3] .. name, 0, left - 1)
      if payloads.err then
        if not string.find(payloads.err, "WRONGTYPE", 1, true) then return payloads end
        wrong = true
      elseif #payloads > 0 then
        if head then
          head[3] = "-"  -- "-": keep the member, because another list is named by it, too
          break
        end
        head = {name, payloads, name ~= member and member or nil}
      end
    end
    if not head and wrong then
      stuck[#stuck + 1] = member
    else
      head = head or {member, {}}
      found[#found + 1] = head
      left = left - math.max(#head[2], 1)
    end
  end
  seen = seen + #page / 2
end
found[#found + 1] = stuck
return found
