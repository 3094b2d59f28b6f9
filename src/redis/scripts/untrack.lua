-- Takes sessions out of the set of active ones, or notes what Postgres knows of their last activity, unless
-- something has happened in them meanwhile.
--
-- KEYS[1] sessions by their last activity (ms)
-- ARGV[1] time without activity after which a session is inactive (ms), followed for each session by:
--   id, its last activity (ms), or '' to take it out
-- Returns how many were inactive still
local time = redis.call('TIME')
local before = math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000) - tonumber(ARGV[1])
local changed = 0
for i = 2, #ARGV, 2 do
  local at = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or '')
  if at and at <= before then
    if ARGV[i + 1] == '' then
      redis.call('ZREM', KEYS[1], ARGV[i])
    else
      redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
    end
    changed = changed + 1
  end
end
return changed
