package command

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestMessage(t *testing.T) {
	_, missing := os.Open("nosuch")
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{syscall.EACCES, "Permission denied"},
		{syscall.EIO, "Input/output error"},
		{syscall.ENOCSI, "No CSI structure available"},
		{syscall.ELIBSCN, ".lib section in a.out corrupted"},
		{missing, "open nosuch: No such file or directory"},
		{Named("is a directory", syscall.EISDIR), "is a directory: Is a directory"},
		{fmt.Errorf("the kernel refuses it (%w)", syscall.EINVAL), "the kernel refuses it (Invalid argument)"},
		{dial, "dial tcp: connect: Connection refused"},
		{errors.Join(Named("a", syscall.ENOSPC), Named("b", syscall.ENOSPC)),
			"a: No space left on device\nb: No space left on device"},
		{fmt.Errorf("x: %w", errors.New("unknown option")), "x: unknown option"},
	} {
		if got := Message(tt.err); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
