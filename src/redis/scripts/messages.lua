-- Buffered messages of a session, bounded by count and by bytes as the answer encodes them: the newest, or
-- the oldest of those after a position.
--
-- KEYS[1] messages hash
-- ARGV[1] most messages, ARGV[2] most bytes (one message is read all the same)
-- ARGV[3] only those before this position, or '' for all
-- ARGV[4] only those after this position, or '' for all
-- ARGV[5…] only those of these types; none: of all
-- Returns { 1 if bytes left out some of so many messages, { JSON of a message, … } newest first, or oldest
--           first of those after a position }
--
-- They have no order in the buffer, so all are looked at, and few are kept. What isn't a message is left to
-- the flush. In our JSON an unescaped `"position":` is only ever the property.
local before = tonumber(ARGV[3])
local after = tonumber(ARGV[4])
local types = {}
for i = 5, #ARGV do types[ARGV[i]] = true end

local found, cursor = {}, '0'
repeat
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 200)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    local json = page[2][i + 1]
    local position = tonumber(string.match(json, '"position":(%d+)') or nil)
    local is_type = #ARGV < 5 or types[string.match(json, '"type":"([%a_]+)"') or '']
    if position and is_type and (not before or position < before)
      and (not after or position > after) then
      found[#found + 1] = { position = position, id = page[2][i] }
    end
  end
until cursor == '0'
table.sort(found, function(a, b)
  if after then a, b = b, a end
  if a.position == b.position then return a.id > b.id end
  return a.position > b.position
end)

local messages, bytes, last = {}, 0, nil
for _, message in ipairs(found) do
  if #messages >= tonumber(ARGV[1]) then break end
  -- A scan may name one twice.
  if message.id ~= last then
    local json = redis.call('HGET', KEYS[1], message.id)
    bytes = bytes + #cjson.encode(json) + 1
    if bytes > tonumber(ARGV[2]) and #messages > 0 then return { 1, messages } end
    messages[#messages + 1] = json
    last = message.id
  end
end
return { 0, messages }
