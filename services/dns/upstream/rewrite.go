package upstream

import (
	"encoding/binary"
	"errors"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// errTooLong is a message that does not fit into 65,535 octets.
var errTooLong = errors.New("the message is too long")

// A writer writes a message again, record by record: names point to places in it, which move when a record is
// left out.
type writer struct {
	b     []byte
	names map[string]int // where the end of a name is, by the end
}

// rewrite returns a copy of a message with those of its records that keep wants.
func rewrite(b []byte, keep func(record) bool) ([]byte, error) {
	w, err := walkRecords(b)
	if err != nil {
		return nil, err
	}
	out := writer{b: append(make([]byte, 0, len(b)), b[:headerLen]...), names: map[string]int{}}
	if err := out.questions(b, w.at); err != nil {
		return nil, err
	}
	var counts [3]int
	for {
		r, more, err := w.next()
		switch {
		case err != nil:
			return nil, err
		case more && keep(r):
			counts[r.section]++
			err = out.record(b, r)
		}
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	if len(out.b) > 0xffff {
		return nil, errTooLong
	}
	for i, n := range counts {
		binary.BigEndian.PutUint16(out.b[6+2*i:], uint16(n))
	}
	return out.b, nil
}

// questions copies those of b, which end at an offset.
func (w *writer) questions(b []byte, end int) error {
	for at := headerLen; at < end; at += 4 {
		var err error
		if at, err = w.name(b, at, true); err != nil {
			return err
		}
		w.b = append(w.b, b[at:at+4]...)
	}
	return nil
}

// record copies one.
func (w *writer) record(b []byte, r record) error {
	at, err := w.name(b, r.start, true)
	if err != nil {
		return err
	}
	w.b = append(w.b, b[at:r.data]...)
	size := len(w.b) - 2
	skip, count, compress := names(b, r)
	if at = r.data + skip; at > r.end {
		return errGarbage
	}
	w.b = append(w.b, b[r.data:at]...)
	for range count {
		if at, err = w.name(b[:r.end], at, compress); err != nil {
			return err
		}
	}
	w.b = append(w.b, b[at:r.end]...)
	length := len(w.b) - size - 2
	if length > 0xffff {
		return errTooLong
	}
	binary.BigEndian.PutUint16(w.b[size:], uint16(length))
	return nil
}

// name copies the name at an offset of b and returns where it ends there. Where names are to be compressed,
// what has been written before is pointed to.
func (w *writer) name(b []byte, at int, compress bool) (end int, err error) {
	var room [servers.MaxName]byte
	name, end, err := appendName(room[:0], b, at)
	if err != nil {
		return 0, err
	}
	for i := 0; name[i] != 0; i += 1 + int(name[i]) {
		rest := name[i:]
		if to, ok := w.names[string(rest)]; ok && compress {
			w.b = append(w.b, 0xc0|byte(to>>8), byte(to))
			return end, nil
		}
		if here := len(w.b); here < 0x4000 {
			if _, ok := w.names[string(rest)]; !ok {
				w.names[string(rest)] = here
			}
		}
		w.b = append(w.b, name[i:i+1+int(name[i])]...)
	}
	w.b = append(w.b, 0)
	return end, nil
}
