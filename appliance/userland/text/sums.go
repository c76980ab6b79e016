package text

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const sumHelp = `  -c  the files are lists of sums: check them
  -s  say nothing of files that are checked
  -w  say which lines of a list are none
`

// sum is the command for a hash.
func sum(h func() hash.Hash) command.Command {
	return command.Command{Usage: "[-c [-sw]] [FILE]...", Help: sumHelp, Letters: "scwbt", CannotOpen: true,
		Run: func(c *command.Call) { sums(c, h) }}
}

func sumCommands() map[string]command.Command {
	return map[string]command.Command{
		"md5sum": sum(md5.New), "sha1sum": sum(sha1.New), "sha256sum": sum(sha256.New),
		"sha512sum": sum(sha512.New),
	}
}

// sums prints or checks hashes of files.
func sums(c *command.Call, h func() hash.Hash) {
	check := c.Has('c')
	if !check && (c.Has('s') || c.Has('w')) {
		c.Misused("-s and -w are for -c")
		return
	}
	c.Each(func(name string, r io.Reader) error {
		if check {
			return checkSums(c, h, r)
		}
		digest := h()
		if _, err := io.Copy(digest, r); err != nil {
			return err
		}
		fmt.Fprintf(c.Stdout, "%x  %s\n", digest.Sum(nil), name)
		return nil
	})
}

// checkSums checks the files of a list.
func checkSums(c *command.Call, h func() hash.Hash, list io.Reader) error {
	lines, bad := 0, 0
	err := eachLine(list, '\n', func(line []byte, _ bool) error {
		lines++
		want, name, found := strings.Cut(string(line), " ")
		if !found || name == "" || name[0] != ' ' && name[0] != '*' {
			if c.Has('w') {
				c.Warn(fmt.Errorf("line %d: expected a sum, two blanks, a name", lines))
			}
			bad++
			return nil
		}
		name = name[1:]
		verdict := "OK"
		if !sumIs(c, h, name, want) {
			verdict = "FAILED"
			bad++
		}
		if !c.Has('s') {
			fmt.Fprintf(c.Stdout, "%s: %s\n", name, verdict)
		}
		return c.Stdout.Err()
	})
	switch {
	case err != nil:
		return err
	case lines == 0:
		return errors.New("no sums in it")
	case bad > 0 && c.Has('s'):
		c.Exit(1)
	case bad > 0:
		return fmt.Errorf("%d of %d are not what they should be", bad, lines)
	}
	return nil
}

// sumIs compares a file with its sum.
func sumIs(c *command.Call, h func() hash.Hash, name, want string) bool {
	r, err := c.Open(name)
	if err != nil {
		c.Fail(err)
		return false
	}
	defer r.Close()
	digest := h()
	if _, err := io.Copy(digest, r); err != nil {
		c.Fail(command.Cannot("read", name, err))
		return false
	}
	return hex.EncodeToString(digest.Sum(nil)) == want
}
