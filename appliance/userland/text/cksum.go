package text

import (
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// cksum prints the sum and the size of files, as POSIX has them: a CRC of 32 bits, of what is in the file and
// then of the bytes of its length, the lowest first.
func cksum(c *command.Call) {
	var table [256]uint32
	const polynomial = 0x04c11db7
	for i := range table {
		crc := uint32(i) << 24
		for range 8 {
			carry := crc >> 31
			crc = crc<<1 ^ carry*polynomial
		}
		table[i] = crc
	}
	c.Each(func(name string, r io.Reader) error {
		var crc uint32
		size := uint64(0)
		err := eachPiece(c, r, func(piece []byte) error {
			for _, b := range piece {
				crc = crc<<8 ^ table[byte(crc>>24)^b]
			}
			size += uint64(len(piece))
			return nil
		})
		if err != nil {
			return err
		}
		for n := size; n > 0; n >>= 8 {
			crc = crc<<8 ^ table[byte(crc>>24)^byte(n)]
		}
		fmt.Fprintf(c.Stdout, "%d %d", ^crc, size)
		if len(c.Args) > 0 {
			c.Stdout.WriteString(" " + name)
		}
		c.Stdout.WriteByte('\n')
		return nil
	})
}
