package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// identity is what tells that a file is still the one that was hashed. The change time is in it because
// it is the one field that a program which restores the modification time cannot set back.
type identity struct {
	Path                string
	Size                int64
	Device, Inode       uint64
	Modified, Changed   int64 // seconds
	ModifiedN, ChangedN int64 // nanoseconds
}

func identify(path string) (identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("%s: this system does not tell inode and change time", path)
	}
	return identity{
		Path: path, Size: st.Size, Device: st.Dev, Inode: st.Ino,
		Modified: st.Mtim.Sec, ModifiedN: st.Mtim.Nsec, Changed: st.Ctim.Sec, ChangedN: st.Ctim.Nsec,
	}, nil
}

// memo is a remembered hash.
type memo struct {
	File   identity
	SHA256 string
}

// fileDigest is the SHA-256 of the file at path, from memoDir if this very file was hashed before.
// A memo that is missing, unreadable or about another file only costs the time to hash.
func fileDigest(path, memoDir string) (string, error) {
	file, err := identify(path)
	if err != nil {
		return "", err
	}
	name := sha256.Sum256([]byte(path))
	memoPath := filepath.Join(memoDir, "sha256-"+hex.EncodeToString(name[:8])+".json")
	var known memo
	if text, err := os.ReadFile(memoPath); err == nil && json.Unmarshal(text, &known) == nil &&
		known.File == file {
		return known.SHA256, nil
	}
	sum, err := sha256File(path)
	if err != nil {
		return "", err
	}
	if after, err := identify(path); err != nil || after != file {
		return "", fmt.Errorf("%s changed while it was read", path)
	}
	text, err := json.Marshal(memo{file, sum})
	if err != nil {
		return "", err
	}
	return sum, replaceFile(memoPath, text)
}

// replaceFile writes a file in one step: who reads path meanwhile sees the old content or the new one.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename
	if _, err := f.Write(content); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
