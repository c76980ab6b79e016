package sftp

import (
	"os/user"
	"strconv"
)

// maxOwners bounds the names that are remembered.
const maxOwners = 1000

// owners are names of ids, each looked up once.
type owners struct{ users, groups map[uint32]string }

// user is the name of one, "" if it has none.
func (o *owners) user(id uint32) string {
	return remembered(&o.users, id, func(text string) (string, error) {
		u, err := user.LookupId(text)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

// group is the name of one, "" if it has none.
func (o *owners) group(id uint32) string {
	return remembered(&o.groups, id, func(text string) (string, error) {
		g, err := user.LookupGroupId(text)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

func remembered(known *map[uint32]string, id uint32, look func(string) (string, error)) string {
	name, ok := (*known)[id]
	if ok {
		return name
	}
	name, err := look(strconv.FormatUint(uint64(id), 10))
	if err != nil {
		name = "" // nobody's
	}
	if *known == nil || len(*known) == maxOwners {
		*known = map[uint32]string{}
	}
	(*known)[id] = name
	return name
}

// owned replies with the names of ids, as far as a packet has room.
func (s *server) owned(ids []uint32, name func(uint32) string) {
	at := len(s.reply)
	s.uint32(0)
	for _, id := range ids {
		text := name(id)
		if len(s.reply)+4+len(text) > maxPacket/2 {
			text = ""
		}
		s.string(text)
	}
	s.put(at, uint32(len(s.reply)-at-4))
}
