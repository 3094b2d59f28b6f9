-- Takes or renews the sweeper's lease, if there is anything to sweep; and looks, once in a while, for sessions in which
-- nothing has happened for long. One command; with nothing dirty it leaves no trace but when it looked last.
--
-- KEYS[1] dirty set, KEYS[2] lease, KEYS[3] sessions by their last activity (ms), KEYS[4] note that inactive ones were looked for
-- ARGV[1] the caller's token, ARGV[2] length (ms)
-- ARGV[3] time without activity after which a session is inactive (ms), ARGV[4] time between two looks (ms), ARGV[5] most inactive ones
-- Returns { 'idle' | 'taken' | 'busy', dirty sessions, { id of an inactive session, … } }
local inactive = {}
if redis.call('EXISTS', KEYS[4]) == 0 then
  local time = redis.call('TIME')
  local now = math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)
  local before = string.format('%.0f', now - tonumber(ARGV[3]))
  inactive = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', before, 'LIMIT', 0, ARGV[5])
  -- With more than one turn can take, the next turn looks again.
  if #inactive < tonumber(ARGV[5]) then redis.call('SET', KEYS[4], '1', 'PX', ARGV[4]) end
end

local dirty = redis.call('ZCARD', KEYS[1])
if dirty == 0 then return { 'idle', 0, inactive } end
local holder = redis.call('GET', KEYS[2])
-- 'open' is what a sweeper leaves behind whose time was over: rooms keep waiting, and the next sweeper takes it from there.
if holder and holder ~= 'open' and holder ~= ARGV[1] then return { 'busy', dirty, inactive } end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return { 'taken', dirty, inactive }
