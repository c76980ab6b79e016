package boot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

const sysctlDir = "/proc/sys"

func (linux) Set(all []Setting) error {
	var problems []error
	for _, s := range all {
		problems = append(problems, set(sysctlDir, s))
	}
	return errors.Join(problems...)
}

// set makes one setting below dir.
func set(dir string, s Setting) error {
	before, behind, every := s.split()
	if !every {
		err := writeSetting(filepath.Join(dir, s.Path), s.Value)
		if s.Optional && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	err := writeSetting(filepath.Join(dir, before, "default", behind), s.Value)
	interfaces, rerr := os.ReadDir(filepath.Join(dir, before))
	problems := []error{err, rerr}
	for _, i := range interfaces {
		err := writeSetting(filepath.Join(dir, before, i.Name(), behind), s.Value)
		if !errors.Is(err, fs.ErrNotExist) { // it has gone since
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// writeSetting makes no file: one that is not there is an error.
func writeSetting(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
