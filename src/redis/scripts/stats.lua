-- Everything that the metrics show, in one command.
--
-- KEYS[1] dirty set, KEYS[2] lease, KEYS[3] dead letters, KEYS[4] counters
-- Returns { dirty sessions, age of the oldest (ms), lease left (ms), dead letters, { counter, value, … } }
local now = redis.call('TIME')
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local age = 0
if oldest[2] then
  age = math.max(0, math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000) - tonumber(oldest[2]))
end
local lease = redis.call('PTTL', KEYS[2])
return { redis.call('ZCARD', KEYS[1]), age, lease > 0 and lease or 0, redis.call('HLEN', KEYS[3]), redis.call('HGETALL', KEYS[4]) }
