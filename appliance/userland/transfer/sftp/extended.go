package sftp

import (
	"errors"
	"os/user"
	"strings"

	"golang.org/x/sys/unix"
)

// extended carries out OpenSSH's extensions (PROTOCOL section 4).
func (s *server) extended(r *request) error {
	switch r.extended {
	case "posix-rename@openssh.com":
		return unix.Rename(r.path, r.other)
	case "hardlink@openssh.com":
		return unix.Link(r.path, r.other)
	case "lsetstat@openssh.com":
		return setLink(r.path, r.attrs)
	case "statvfs@openssh.com":
		return s.statvfs(r, func(st *unix.Statfs_t) error { return unix.Statfs(r.path, st) })
	case "fstatvfs@openssh.com":
		h, err := s.handle(r)
		if err != nil {
			return err
		}
		return s.statvfs(r, func(st *unix.Statfs_t) error { return unix.Fstatfs(int(h.Fd()), st) })
	case "fsync@openssh.com":
		h, err := s.handle(r)
		if err != nil {
			return err
		}
		return h.Sync()
	case "copy-data":
		return s.copyData(r)
	case "limits@openssh.com":
		s.to(r, kindAnswer)
		for _, n := range []uint64{maxPacket, maxRead, maxRead, maxOpen} {
			s.uint64(n)
		}
		return nil
	case "users-groups-by-id@openssh.com":
		s.to(r, kindAnswer)
		s.owned(r.users, s.owners.user)
		s.owned(r.groups, s.owners.group)
		return nil
	case "expand-path@openssh.com":
		path, err := expand(r.path)
		if err != nil {
			return err
		}
		return s.realpath(r, path)
	}
	return errUnsupported
}

func (s *server) statvfs(r *request, look func(*unix.Statfs_t) error) error {
	var st unix.Statfs_t
	if err := look(&st); err != nil {
		return err
	}
	s.to(r, kindAnswer)
	id := uint64(uint32(st.Fsid.Val[0])) | uint64(uint32(st.Fsid.Val[1]))<<32
	flags := uint64(st.Flags) & 3 // read-only 1, no setuid 2: the kernel has the same
	for _, n := range []uint64{
		uint64(st.Bsize), uint64(st.Frsize), st.Blocks, st.Bfree, st.Bavail, st.Files, st.Ffree, st.Ffree, id,
		flags, uint64(st.Namelen),
	} {
		s.uint64(n)
	}
	return nil
}

// expand is a path in whose place ~ and ~user stand for a home.
func expand(path string) (string, error) {
	if !strings.HasPrefix(path, "~") {
		return path, nil
	}
	name, rest, _ := strings.Cut(path[1:], "/")
	var who *user.User
	var err error
	if name == "" {
		who, err = user.Current()
	} else {
		who, err = user.Lookup(name)
	}
	if err != nil {
		return "", errors.New("no such user")
	}
	return who.HomeDir + "/" + rest, nil
}

// rename gives a file another name, which nobody may have: so has it the protocol (section 6.5).
func rename(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// A file system that cannot do that at once.
	var st unix.Stat_t
	if unix.Lstat(to, &st) == nil {
		return unix.EEXIST
	}
	return unix.Rename(from, to)
}
