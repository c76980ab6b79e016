package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// need is one thing that has to be installed to build a kernel.
type need struct {
	name string // a program, or a header file if it ends in .h
	pkg  string // the Debian package that has it
}

// needs is what a build calls. libelf is for objtool, which the speculation mitigations need.
func needs() []need {
	return []need{
		{"gcc", "gcc"}, {"stdio.h", "libc6-dev"}, {"ld", "binutils"}, {"make", "make"},
		{"flex", "flex"}, {"bison", "bison"}, {"bc", "bc"}, {"perl", "perl"}, {"gelf.h", "libelf-dev"},
		{"tar", "tar"}, {"xz", "xz-utils"}, {compressor, compressorPackage},
	}
}

// MissingError says what has to be installed before a kernel can be built.
type MissingError struct {
	What     []string // programs, header files, the source
	Packages []string // the Debian packages that have them, sorted
}

func (e *MissingError) Error() string {
	sudo := ""
	if os.Geteuid() != 0 {
		sudo = "sudo "
	}
	return fmt.Sprintf("building the kernel needs %s; install with:\n  %sapt-get install --no-install-recommends %s",
		strings.Join(e.What, ", "), sudo, strings.Join(e.Packages, " "))
}

// requireTools is a *MissingError that names all of the needs that are not found.
func requireTools(found func(name string) bool) error {
	var what, packages []string
	for _, n := range needs() {
		if !found(n.name) {
			what = append(what, n.name)
			packages = append(packages, n.pkg)
		}
	}
	if len(what) == 0 {
		return nil
	}
	return newMissing(what, packages)
}

// installed tells whether a program is in the search path, or whether the compiler finds a header file.
func installed(name string) bool {
	if !strings.HasSuffix(name, ".h") {
		_, err := exec.LookPath(name)
		return err == nil
	}
	gcc := exec.Command("gcc", "-E", "-x", "c", "-")
	gcc.Stdin = strings.NewReader("#include <" + name + ">\n")
	err := gcc.Run()
	return err == nil || errors.Is(err, exec.ErrNotFound) // without a compiler there is only one thing to say
}

// bothMissing is a and b as one error, so that a person installs everything with one command.
func bothMissing(a, b error) error {
	var missingA, missingB *MissingError
	if !errors.As(a, &missingA) || !errors.As(b, &missingB) {
		return errors.Join(a, b)
	}
	return newMissing(append(slices.Clone(missingA.What), missingB.What...),
		append(slices.Clone(missingA.Packages), missingB.Packages...))
}

func newMissing(what, packages []string) *MissingError {
	packages = slices.Clone(packages)
	slices.Sort(packages)
	return &MissingError{What: what, Packages: slices.Compact(packages)}
}
