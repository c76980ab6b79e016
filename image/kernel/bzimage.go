package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Fields of the setup header of a bzImage (Linux: Documentation/x86/boot.rst, "The Real-Mode Kernel Header").
const (
	headerMagicAt    = 0x202 // "HdrS"
	kernelVersionAt  = 0x20e // 16 bit little endian, counted from the second sector
	kernelVersionOff = 0x200
	headerMax        = 64 << 10 // the version lies in the real-mode part, which is smaller
)

// imageVersion returns the version that the bzImage at path carries, as uname -r prints it.
func imageVersion(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, headerMax))
	if err != nil {
		return "", err
	}
	if len(head) < kernelVersionAt+2 || string(head[headerMagicAt:headerMagicAt+4]) != "HdrS" {
		return "", fmt.Errorf("%s is no Linux kernel: it lacks the header of a bzImage", path)
	}
	at := int(binary.LittleEndian.Uint16(head[kernelVersionAt:]))
	if at == 0 || at+kernelVersionOff >= len(head) {
		return "", nil // the field is optional
	}
	text, _, _ := bytes.Cut(head[at+kernelVersionOff:], []byte{0})
	version, _, _ := strings.Cut(string(text), " ")
	return version, nil
}

// readyImage is the result for a kernel that the caller brings.
func readyImage(path string) (Result, error) {
	version, err := imageVersion(path)
	if err != nil {
		return Result{}, fmt.Errorf("ready kernel: %w", err)
	}
	path, err = filepath.Abs(path)
	return Result{Path: path, Version: version}, err
}
