-- Takes a session over: gives out a fencing token greater than any before it, and reads what the buffer holds.
-- The token is the server's clock in milliseconds, or one more than the last token where that is greater: it keeps
-- growing even when Redis has lost everything.
--
-- KEYS[1] session hash, KEYS[2] messages hash, KEYS[3] dirty set, KEYS[4] sessions by their last activity (ms)
-- ARGV[1] session id, ARGV[2] least token to give out, ARGV[3] seconds that a clean session stays readable
-- Returns { token, 1 if dirty else 0, { field, value, … } of the session, { JSON of a message, … } }
local now = redis.call('TIME')
local ms = math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000)
local token = ms
token = math.max(token, tonumber(ARGV[2]))
local last = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if last >= token then token = last + 1 end
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', token))
redis.call('ZADD', KEYS[4], string.format('%.0f', ms), ARGV[1])
local dirty = redis.call('ZSCORE', KEYS[3], ARGV[1])
if not dirty then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return { token, dirty and 1 or 0, redis.call('HGETALL', KEYS[1]), redis.call('HVALS', KEYS[2]) }
