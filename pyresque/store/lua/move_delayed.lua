-- Move delayed jobs from their lists to their queues, or drop them: those that are still there. The script is one atomic step, so
-- a job is never in two places or in none, whatever other clients move or remove.
--
-- KEYS  1 delayed_queue_schedule   2 queues   3 failed_queues   then D destinations   then L lists delayed:<timestamp>
--       then for each job timestamps:<payload>   then M marks
-- ARGV  1 "1" removes a timestamp that has no jobs left   2 D   3 L   4 a text that no payload is   5 M
--       then for each destination: "2" or "3", the number of the key to which its name is added ("" for none), that name,
--       the number of its mark ("0" for none), and the seconds after which the mark expires ("" never): of jobs with a mark
--       one is pushed, and none where the mark is set
--       then for each list: its timestamp, its member in the sorted set, how many of its jobs are moved,
--       and the first and last index at which they were seen
--       then for each job: the payload in the list, the number of its destination ("0" for none), the payload to push there
-- Returns for each job 1 moved, 0 no longer there, 2 not moved because its destination is no list, 3 dropped because of a mark; an
--         error, and nothing was done, where the user may not RPUSH to a destination (Redis 7 can tell before anything is written)

local clean, destinations, lists = ARGV[1] == "1", tonumber(ARGV[2]), tonumber(ARGV[3])
local first_list = 3 + destinations
local job_key, job_arg = first_list + lists, 5 + 4 * destinations + 5 * lists
local first_mark = #KEYS - tonumber(ARGV[5])

local usable, waiting, answered = {}, {}, {}
for place = 1, destinations do
  local kind = redis.call("TYPE", KEYS[3 + place]).ok
  usable[place] = kind == "list" or kind == "none"
  if redis.acl_check_cmd and not redis.acl_check_cmd("RPUSH", KEYS[3 + place], "") then
    return redis.error_reply("NOPERM this user may not RPUSH to " .. KEYS[3 + place])
  end
  waiting[place], answered[place] = {}, {}
end

local answers = {}

for place = 1, lists do
  local list, arg = KEYS[first_list + place], 1 + 4 * destinations + 5 * place
  local timestamp, member, count = ARGV[arg], ARGV[arg + 1], tonumber(ARGV[arg + 2])
  local first, last = tonumber(ARGV[arg + 3]), tonumber(ARGV[arg + 4])
  local kind = redis.call("TYPE", list).ok
  local sound = kind == "list" or kind == "none"
  local found = sound and count > 0 and redis.call("LRANGE", list, first, last) or {}
  local untouched = first == 0 and #found == count
  for number = 1, count do
    local to = tonumber(ARGV[job_arg + 3 * number - 1])
    untouched = untouched and found[number] == ARGV[job_arg + 3 * number - 2] and (to == 0 or usable[to])
  end
  -- First the jobs that stand where they were seen, then those that have moved: removing one moves the others.
  local places, taken, marked = {}, {}, 0
  if not untouched then
    for at = #found, 1, -1 do
      places[found[at]] = places[found[at]] or {}
      table.insert(places[found[at]], at)
    end
    for number = 1, count do
      local to = tonumber(ARGV[job_arg + 3 * number - 1])
      local at = (to == 0 or usable[to]) and table.remove(places[ARGV[job_arg + 3 * number - 2]] or {})
      if at then
        redis.call("LSET", list, first + at - 1, ARGV[4])
        taken[number], marked = true, marked + 1
      end
    end
  end
  for number = 1, count do
    local payload, to = ARGV[job_arg + 1], tonumber(ARGV[job_arg + 2])
    if not sound then
      answers[#answers + 1] = 0
    elseif to > 0 and not usable[to] then
      answers[#answers + 1] = 2
    elseif not (untouched or taken[number] or redis.call("LREM", list, 1, payload) == 1) then
      answers[#answers + 1] = 0
    else
      if to > 0 then
        table.insert(waiting[to], ARGV[job_arg + 3])
        table.insert(answered[to], #answers + 1)
      end
      redis.pcall("SREM", KEYS[job_key + 1], "delayed:" .. timestamp)
      answers[#answers + 1] = 1
    end
    job_key, job_arg = job_key + 1, job_arg + 3
  end
  if untouched and count > 0 then redis.call("LTRIM", list, count, -1) end
  if marked > 0 then
    local nearer_tail = 2 * first > redis.call("LLEN", list)
    redis.call("LREM", list, nearer_tail and -marked or marked, ARGV[4])
  end
  if clean and sound and redis.call("LLEN", list) == 0 then redis.pcall("ZREM", KEYS[1], member) end
end

for place = 1, destinations do
  local payloads, arg = waiting[place], 2 + 4 * place
  local mark = tonumber(ARGV[arg + 2])
  if mark > 0 and #payloads > 0 then
    local pushed = 1
    if redis.pcall("GET", KEYS[first_mark + mark]) == "1" then
      payloads, pushed = {}, 0
    else
      payloads = {payloads[1]}
      redis.call("SET", KEYS[first_mark + mark], "1")
      if ARGV[arg + 3] ~= "" then redis.call("EXPIRE", KEYS[first_mark + mark], ARGV[arg + 3]) end
    end
    for dropped = pushed + 1, #answered[place] do
      answers[answered[place][dropped]] = 3
    end
  end
  if #payloads > 0 then
    local set = ARGV[arg]
    -- pcall: the jobs have left their lists already, so a set of names of a wrong type must not stop the script.
    if set ~= "" then redis.pcall("SADD", KEYS[tonumber(set)], ARGV[arg + 1]) end
    for from = 1, #payloads, 1000 do
      redis.call("RPUSH", KEYS[3 + place], unpack(payloads, from, math.min(from + 999, #payloads)))
    end
  end
end
return answers
