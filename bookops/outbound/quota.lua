-- Reserve the time slot of one call, or say when to come back; atomic for all processes, by the clock of Redis.
--
-- KEYS  pace (the next slot of an endless queue), slots (list, newest first), day (counter), block (its TTL is the wait),
--       flows (zset: when each flow last asked), mine (zset: this flow's slots still ahead), promise (when this flow may come back)
-- ARGV  flow, microseconds between slots (0: no pace), burst, longest wait, per day (0: no limit), used today as the caller knows it,
--       then count and microseconds of each window
-- Returns {verdict, microseconds to wait, used today}.
local GRANTED, PACED, BLOCKED, SPENT, DAY_USED_UP = 0, 1, 2, 3, 4
local ACTIVE = 30 * 1000000
local FARTHEST_PROMISE = 60 * 1000000

local pace, slots, day, block, flows, mine, promise = unpack(KEYS)
local flow = ARGV[1]
local interval, burst, max_wait = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local per_day, known_used = tonumber(ARGV[5]), tonumber(ARGV[6])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- A Redis that lost its memory is told what the callers still know.
local used = math.max(tonumber(redis.call('GET', day) or 0), known_used)

local blocked = redis.call('PTTL', block)
if blocked > 0 then
  local verdict = redis.call('GET', block) == '1' and SPENT or BLOCKED
  return {verdict, blocked * 1000, used}
end
if per_day > 0 and used >= per_day then
  return {DAY_USED_UP, 0, used}
end

local slot = now
if interval > 0 then
  local tat = tonumber(redis.call('GET', pace) or 0)
  slot = math.max(slot, tat - (burst - 1) * interval)
end
local longest_window, most_calls, gap = 0, 0, interval
for i = 7, #ARGV, 2 do
  local count, length = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local oldest = redis.call('LINDEX', slots, count - 1)
  if oldest then slot = math.max(slot, tonumber(oldest) + length) end
  longest_window, most_calls, gap = math.max(longest_window, length), math.max(most_calls, count), math.max(gap, length / count)
end

-- Of the slots within the longest wait no flow may hold more than its share, so that 700 waiters leave room for ten.
redis.call('ZADD', flows, now, flow)
redis.call('ZREMRANGEBYSCORE', flows, '-inf', now - ACTIVE)
redis.call('PEXPIRE', flows, ACTIVE / 1000)
redis.call('ZREMRANGEBYSCORE', mine, '-inf', now)
local active = redis.call('ZCARD', flows)
local ahead = redis.call('ZCARD', mine)
local may_come = slot - max_wait
if active > 1 and interval > 0 then
  local share = math.max(1, math.floor((max_wait / interval + burst) / active))
  if ahead >= share then
    may_come = math.max(may_come, tonumber(redis.call('ZRANGE', mine, ahead - share, ahead - share, 'WITHSCORES')[2]))
  end
end
if may_come > now then
  -- Those sent away come back one after the other, at the pace of their flow, not all at once.
  local at = math.max(tonumber(redis.call('GET', promise) or 0), may_come) + active * gap
  at = math.min(at, now + FARTHEST_PROMISE)
  redis.call('SET', promise, string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000))
  return {PACED, at - now, used}
end

if interval > 0 then
  local tat = math.max(tonumber(redis.call('GET', pace) or 0), slot) + interval
  redis.call('SET', pace, string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000) + 1000)
end
if most_calls > 0 then
  redis.call('LPUSH', slots, string.format('%.0f', slot))
  redis.call('LTRIM', slots, 0, most_calls - 1)
  redis.call('PEXPIRE', slots, math.ceil((slot - now + longest_window) / 1000))
end
used = used + 1
if slot > now then
  redis.call('ZADD', mine, slot, string.format('%.0f.%.0f', slot, used))
  redis.call('PEXPIRE', mine, math.ceil((slot - now) / 1000) + 1000)
end
redis.call('SET', day, used, 'EX', 172800)
return {GRANTED, slot - now, used}
