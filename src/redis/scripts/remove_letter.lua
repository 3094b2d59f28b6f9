-- Removes a dead letter that has been dealt with.
--
-- KEYS[1] dead letters, KEYS[2] their sizes
-- ARGV[1] id of the letter, ARGV[2] id of its session
-- Returns 1 if it was there, else 0
local bytes = redis.call('HSTRLEN', KEYS[1], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
for _, field in ipairs({ 'total', ARGV[2] }) do
  local left = tonumber(redis.call('HGET', KEYS[2], field) or '0') - bytes
  if left > 0 then
    redis.call('HSET', KEYS[2], field, string.format('%.0f', left))
  else
    redis.call('HDEL', KEYS[2], field)
  end
end
return 1
