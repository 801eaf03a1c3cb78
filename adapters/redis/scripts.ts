/**
 * What the server does in one step. Redis does not roll scripts back, so all that can fail (fence, order, wrong type,
 * ids, permissions, read-only replica, no memory) fails at or before the first write; the writes after it cannot.
 *
 * A task's checkpoint is a hash: owner, epoch, seq, digest, positions. It lies in the slot of its outputs.
 */

/**
 * Takes a task over: from here on every commit of its former owner is refused. The checkpoint is read in the same step,
 * so that nobody can move it between fence and read (I4).
 *
 * KEYS: the checkpoint. ARGV: the new owner.
 */
export const ACQUIRE = `#!lua
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
return redis.call('HMGET', KEYS[1], 'seq', 'epoch', 'digest')
`;

/**
 * One feed: its outputs and its checkpoint, or nothing.
 *
 * Ids are the feed's time and the next free number of that millisecond: they depend on the stream alone, so that a feed
 * that is run again gets the same ids. A stream that other tasks write to as well may be ahead: then its last time counts.
 *
 * KEYS: the checkpoint, the keys of targets. ARGV: owner, seq, epoch, digest, positions, time, number of targets; per
 * target its kind, which key it is (a channel's name), names of the fields for value and key, the first id where ids are
 * given, how to trim and to what; then per output `8 × target + 4 × isGeneral + 2 × hasKey + hasValue` and of key and
 * value those that it has. A general output of a stream: its id or nothing, the number of words, names and values.
 */
export const COMMIT = `#!lua
local call = redis.call
local held = call('HMGET', KEYS[1], 'owner', 'seq')
if held[1] ~= ARGV[1] then
  return redis.error_reply('FENCED ' .. tostring(held[1] or 'nobody'))
end
if tonumber(held[2] or -1) ~= ARGV[2] - 1 then
  return redis.error_reply('ORDER the checkpoint is at feed ' .. tostring(held[2] or 'none'))
end

local function isBefore(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

-- A command that is refused halfway would leave what came before it.
local function mayNot(place, kind, trim)
  local commands = {
    stream = { { 'XADD', place, '*', 'f', 'v' } },
    hash = { { 'HSET', place, 'f', 'v' }, { 'HDEL', place, 'f' } },
    list = { { 'RPUSH', place, 'v' } },
    channel = { { 'PUBLISH', place, 'v' } },
  }
  if trim ~= '' then table.insert(commands.stream, { 'XTRIM', place, 'MAXLEN', '0' }) end
  for _, command in ipairs(commands[kind]) do
    if not redis.acl_check_cmd(unpack(command)) then return command[1] end
  end
  return nil
end

local targets = {}
local at = 8
for index = 0, ARGV[7] - 1 do
  local target = { kind = ARGV[at], value = ARGV[at + 2], key = ARGV[at + 3], trim = ARGV[at + 5], bound = ARGV[at + 6] }
  if target.kind == 'channel' then
    target.place = ARGV[at + 1]
  else
    target.place = KEYS[tonumber(ARGV[at + 1])]
    local kind = call('TYPE', target.place).ok
    if kind ~= 'none' and kind ~= target.kind then
      return redis.error_reply('WRONGTYPE ' .. target.place .. ' is a ' .. kind .. ', a ' .. target.kind .. ' is wanted')
    end
    if target.kind == 'stream' then
      local time = ARGV[6]
      if kind == 'stream' then
        local info = call('XINFO', 'STREAM', target.place)
        for field = 1, #info, 2 do
          if info[field] == 'last-generated-id' then
            local last, number = string.match(info[field + 1], '^(%d+)-(%d+)')
            local first, firstNumber = string.match(ARGV[at + 4], '^(%d+)-(%d+)')
            if first and not (isBefore(last, first) or (last == first and isBefore(number, firstNumber))) then
              return redis.error_reply('ID ' .. target.place .. ' has ' .. info[field + 1] .. ', the first new id is ' .. ARGV[at + 4])
            end
            if isBefore(time, last) then time = last end
          end
        end
      end
      target.id = time .. '-*'
    end
  end
  local refused = mayNot(target.place, target.kind, target.trim)
  if refused then return redis.error_reply('NOPERM this user may not use ' .. refused .. ' with ' .. target.place) end
  targets[index] = target
  at = at + 7
end

while at <= #ARGV do
  local code = tonumber(ARGV[at])
  local target = targets[math.floor(code / 8)]
  local has = code % 8
  local kind, place = target.kind, target.place
  if kind == 'stream' then
    if has == 1 then
      call('XADD', place, target.id, target.value, ARGV[at + 1])
      at = at + 2
    elseif has == 2 then
      call('XADD', place, target.id, target.key, ARGV[at + 1])
      at = at + 2
    elseif has == 3 then
      call('XADD', place, target.id, target.value, ARGV[at + 2], target.key, ARGV[at + 1])
      at = at + 3
    else
      local id, words = ARGV[at + 1], tonumber(ARGV[at + 2])
      call('XADD', place, id == '' and target.id or id, unpack(ARGV, at + 3, at + 2 + words))
      at = at + 3 + words
    end
  elseif kind == 'hash' then
    if has == 2 then call('HDEL', place, ARGV[at + 1]) else call('HSET', place, ARGV[at + 1], ARGV[at + 2]) end
    at = at + (has == 2 and 2 or 3)
  else
    call(kind == 'list' and 'RPUSH' or 'PUBLISH', place, ARGV[at + 1])
    at = at + 2
  end
end

for index = 0, #targets do
  local target = targets[index]
  if target.trim ~= '' then call('XTRIM', target.place, target.trim, '~', target.bound) end
end
call('HSET', KEYS[1], 'seq', ARGV[2], 'epoch', ARGV[3], 'digest', ARGV[4], 'positions', ARGV[5])
return 'OK'
`;
