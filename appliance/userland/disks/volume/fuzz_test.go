package volume

import (
	"bytes"
	"testing"
)

// FuzzIdentify: whatever is on a disk is something or nothing, after few reads.
func FuzzIdentify(f *testing.F) {
	disk := make([]byte, 0x12000)
	for at, magic := range map[int]string{
		0: "\xeb\x3c\x90mkfs.fat\x00\x02\x01\x01\x00\x02\x10\x00\x00\x00\xf8\x10\x00\x20\x00\x40", 54: "FAT16   ", 510: "\x55\xaa",
	} {
		copy(disk[at:], magic)
	}
	f.Add(disk[:1024], uint16(0))
	f.Add([]byte("FAT32   "), uint16(82))
	f.Add([]byte("CD001"), uint16(0x8001))
	f.Add([]byte("SWAPSPACE2"), uint16(4086))
	f.Add([]byte("\x53\xef"), uint16(1080))
	f.Fuzz(func(t *testing.T, some []byte, at uint16) {
		image := make([]byte, 0x12000)
		copy(image[at:], some)
		r := &counted{Reader: bytes.NewReader(image)}
		v, ok, err := Identify(r)
		if err != nil || ok != (v.Type != "") || r.reads > 300 || r.most > 2<<20 {
			t.Errorf("%+v, %v, %v after %d reads of up to %d bytes", v, ok, err, r.reads, r.most)
		}
	})
}

type counted struct {
	*bytes.Reader
	reads, most int
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	c.reads++
	c.most = max(c.most, len(b))
	return c.Reader.ReadAt(b, at)
}
