-- How far a session is flushed.
--
-- KEYS[1] session hash, KEYS[2] dirty set, KEYS[3] sweeper's lease
-- ARGV[1] session id
-- Returns { stored revision, flushed revision, 1 if dirty, number of the last commit, lease left (ms) }
local held = redis.call('HMGET', KEYS[1], 'rev', 'flushed', 'last_commit')
local lease = redis.call('PTTL', KEYS[3])
return {
  tonumber(held[1] or '') or 0,
  tonumber(held[2] or '') or 0,
  redis.call('ZSCORE', KEYS[2], ARGV[1]) and 1 or 0,
  held[3] or '0',
  lease > 0 and lease or 0,
}
