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
 * given, how to trim and to what; then runs of outputs of one kind, each `8 × target + 4 × isGeneral + 2 × hasKey +
 * hasValue`, how many outputs, and of the key and value of each those that it has. A general output of a stream is its id
 * or nothing, the number of words, names and values.
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
            if time == last and #number >= 20 and ARGV[at + 4] == '' then
              return redis.error_reply('ID ' .. target.place .. ' has ' .. info[field + 1] .. ', behind which no number is left')
            end
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

-- A loop for each kind of run: what it does per output is what the server's other clients wait for.
while at <= #ARGV do
  local code, count = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local target = targets[math.floor(code / 8)]
  local has = code % 8
  local kind, place, id, value, key = target.kind, target.place, target.id, target.value, target.key
  at = at + 2
  if has >= 4 then
    for _ = 1, count do
      local own, words = ARGV[at], tonumber(ARGV[at + 1])
      call('XADD', place, own == '' and id or own, unpack(ARGV, at + 2, at + 1 + words))
      at = at + 2 + words
    end
  elseif has == 3 then
    local last = at + 2 * count - 1
    if kind == 'stream' then
      for i = at, last, 2 do call('XADD', place, id, value, ARGV[i + 1], key, ARGV[i]) end
    else
      for i = at, last, 2 do call('HSET', place, ARGV[i], ARGV[i + 1]) end
    end
    at = last + 1
  else
    local last = at + count - 1
    if kind == 'stream' then
      local field = has == 1 and value or key
      for i = at, last do call('XADD', place, id, field, ARGV[i]) end
    else
      local command = kind == 'hash' and 'HDEL' or kind == 'list' and 'RPUSH' or 'PUBLISH'
      for i = at, last do call(command, place, ARGV[i]) end
    end
    at = last + 1
  end
end

for index = 0, #targets do
  local target = targets[index]
  if target.trim ~= '' then call('XTRIM', target.place, target.trim, '~', target.bound) end
end
call('HSET', KEYS[1], 'seq', ARGV[2], 'epoch', ARGV[3], 'digest', ARGV[4], 'positions', ARGV[5])
return 'OK'
`;
