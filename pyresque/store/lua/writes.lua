-- What plugins write at a job's end. settle.lua and turn.lua contain this text, where they say "-- writes.lua".
--
-- KEYS  from some number on: the key of each command
-- ARGV  from some number on, for each command: its name, how many arguments follow its key, these arguments
-- Returns nothing: it defines refused_push and carry_out, which get the numbers of the first and the last key and of the first argument
--
-- Beside the commands of Redis: UNLESS key count skips so many commands if the key holds "1" (the mark of a queued job);
-- BELOW key limit increments a number that is lower than the limit.

-- A job that is pushed must not be lost, so these keys are looked at before anything is written.
local kinds = {RPUSH = "list", ZADD = "zset"}

-- Returns the number of a key and an error, if Redis would refuse a push; else nothing.
local function refused_push(first, last, arg)
  for number = first, last do
    local name, count = ARGV[arg], tonumber(ARGV[arg + 1])
    if kinds[name] then
      local kind = redis.call("TYPE", KEYS[number]).ok
      if kind ~= "none" and kind ~= kinds[name] then
        return number, "WRONGTYPE the key holds a " .. kind .. ", no " .. kinds[name]
      end
      if redis.acl_check_cmd and not redis.acl_check_cmd(name, KEYS[number], unpack(ARGV, arg + 2, arg + 1 + count)) then
        return number, "NOPERM this user may not run " .. name .. " on that key"
      end
    end
    arg = arg + 2 + count
  end
end

-- Carries out the commands; returns the numbers of keys that are of a wrong type, or may not be written. Before Redis 7 nothing tells
-- that a push is denied but the push itself: then it returns nil, the key's number and the error, if nothing was pushed before.
local function carry_out(first, last, arg)
  local wrong, pushed, skipped = {}, false, 0
  for number = first, last do
    local key = KEYS[number]
    local name, count, reply = ARGV[arg], tonumber(ARGV[arg + 1])
    if skipped > 0 then
      skipped = skipped - 1
    elseif name == "UNLESS" then
      if redis.pcall("GET", key) == "1" then skipped = tonumber(ARGV[arg + 2]) end
    elseif name == "BELOW" then
      local found = redis.pcall("GET", key)
      local left = type(found) == "string" and #found <= 18 and string.find(found, "^%-?%d+$") and tonumber(found)
      if left and left < tonumber(ARGV[arg + 2]) then reply = redis.pcall("INCR", key) end
    else
      reply = redis.pcall(name, key, unpack(ARGV, arg + 2, arg + 1 + count))
    end
    if type(reply) == "table" and reply.err then
      if kinds[name] and not pushed then return nil, number, reply.err end
      wrong[#wrong + 1] = number
    elseif kinds[name] and reply then
      pushed = true
    end
    arg = arg + 2 + count
  end
  return wrong
end
