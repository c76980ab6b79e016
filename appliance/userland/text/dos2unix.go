package text

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const dos2unixHelp = `  -u  lines end as those of Unix, with \n
  -d  lines end as those of DOS, with \r\n
`

// dos2unix changes how lines end: of files, which are replaced when that is done, or of standard input.
func dos2unix(c *command.Call) {
	toDOS := c.Name == "unix2dos"
	if c.Has('u') && c.Has('d') {
		c.Misused("-u and -d are contrary to each other")
		return
	}
	if c.Has('u') {
		toDOS = false
	} else if c.Has('d') {
		toDOS = true
	}
	if len(c.Args) == 0 {
		if err := changeEnds(c.Stdout, c.Stdin, toDOS); err != nil && c.Stdout.Err() == nil {
			c.Fail(command.Named("standard input", err))
		}
		return
	}
	for _, name := range c.Args {
		if err := changeFile(name, toDOS); err != nil {
			c.Fail(command.Cannot("open", name, err))
		}
	}
}

func changeEnds(w io.Writer, r io.Reader, toDOS bool) error {
	out := bufio.NewWriterSize(w, chunkSize)
	chunk := make([]byte, chunkSize)
	for {
		n, err := r.Read(chunk)
		for _, b := range chunk[:n] {
			if b == '\n' && toDOS {
				out.WriteByte('\r')
			}
			if b != '\r' {
				out.WriteByte(b)
			}
		}
		if err != nil {
			return errors.Join(endIsFine(err), out.Flush())
		}
	}
}

// changeFile writes a file beside the old one, with its mode and owner, which takes its place: what a link
// leads to, not the link.
func changeFile(name string, toDOS bool) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	in, err := os.Open(target)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("is no regular file")
	}
	out, err := os.CreateTemp(filepath.Dir(target), filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	err = changeEnds(out, in, toDOS)
	if err == nil {
		err = takeOver(out, info)
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(out.Name(), target)
	}
	if err != nil {
		os.Remove(out.Name())
	}
	return err
}

// takeOver gives a new file the owner and the mode of the old one.
func takeOver(out *os.File, old os.FileInfo) error {
	var err error
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		err = out.Chown(int(st.Uid), int(st.Gid))
	}
	return errors.Join(err, out.Chmod(old.Mode()&(os.ModePerm|os.ModeSetuid|os.ModeSetgid|os.ModeSticky)))
}
