-- Everything that the metrics and the operator's page show, in one command.
--
-- KEYS[1] dirty set, KEYS[2] lease, KEYS[3] dead letters, KEYS[4] their sizes, KEYS[5] counters,
--   KEYS[6…] counts of limits
-- Returns { dirty sessions, age of the oldest (ms), lease left (ms), dead letters, their bytes,
--   1 if Redis takes no more data, { counter, value, … }, { count, … } }
local function number(value)
  local found = tonumber(string.match(value or '', '^%d+$') or '')
  return found and found < 2 ^ 53 and found or 0
end
local now = redis.call('TIME')
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local age = 0
if oldest[2] then
  age = math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000) - tonumber(oldest[2])
  -- A score that is no time is as old as the epoch.
  if age ~= age or age > 2 ^ 52 then age = tonumber(now[1]) * 1000 end
  age = math.max(0, age)
end
-- Whether there is room is known only by trying.
local probe = redis.pcall('HSET', KEYS[5], 'probe', '1')
local is_full = type(probe) == 'table' and not string.find(probe.err, 'WRONGTYPE')
local letters = redis.pcall('HLEN', KEYS[3])
local sizes = redis.pcall('HGET', KEYS[4], 'total')
local counters = redis.pcall('HGETALL', KEYS[5])
local counts = {}
for i = 6, #KEYS do
  local count = redis.pcall('GET', KEYS[i])
  counts[i - 5] = type(count) == 'string' and number(count) or 0
end
return {
  redis.call('ZCARD', KEYS[1]), string.format('%.0f', age), math.max(0, redis.call('PTTL', KEYS[2])),
  type(letters) == 'number' and letters or 0, type(sizes) == 'string' and number(sizes) or 0,
  is_full and 1 or 0, counters.err and {} or counters, counts,
}
