-- Moves a session's key that can't be read out of the way, whatever it holds, and leaves a dead letter that
-- says where it is.
--
-- KEYS[1] dirty set, KEYS[2] dead letters, KEYS[3] their sizes, KEYS[4] counters
-- KEYS[5] the session's hash, KEYS[6] its messages hash, KEYS[7] the one of these two to move
-- KEYS[8] where to
-- ARGV[1] session id, ARGV[2] id of the letter, ARGV[3] its JSON
-- ARGV[4] seconds that a clean session stays readable
-- Returns 1 if anything of the session is left, else 0
--
-- The letter is small and there is one a session: it isn't refused for its size. A Redis that has no memory
-- left may refuse it: then nothing is moved.
if redis.call('EXISTS', KEYS[7]) == 1 then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
  redis.pcall('HINCRBY', KEYS[3], 'total', #ARGV[3])
  redis.pcall('HINCRBY', KEYS[3], ARGV[1], #ARGV[3])
  redis.call('RENAME', KEYS[7], KEYS[8])
  redis.call('PERSIST', KEYS[8])
  redis.pcall('HINCRBY', KEYS[4], 'dead_lettered', 1)
end
local function number(value)
  local found = tonumber(string.match(value or '', '^%d+$') or '')
  return found and found < 2 ^ 53 and found or 0
end
local held = redis.pcall('HMGET', KEYS[5], 'rev', 'flushed', 'put_aside')
local count = redis.pcall('HLEN', KEYS[6])
if held.err or type(count) == 'table' or count > 0 then return 1 end
local rev = number(held[1])
local function dealt_with(value) return value <= rev and value or 0 end
if rev > math.max(dealt_with(number(held[2])), dealt_with(number(held[3]))) then return 1 end
redis.call('HDEL', KEYS[5], 'dirty')
redis.call('EXPIRE', KEYS[5], ARGV[4])
redis.call('ZREM', KEYS[1], ARGV[1])
return 0
