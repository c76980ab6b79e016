package sshadmin

import (
	"io"
	"net"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// A stream is a connection of which one direction can end by itself: TCP, or a socket of the machine.
type stream interface {
	net.Conn
	CloseWrite() error
}

// splice carries what comes by a channel to a connection, and back, until both directions have ended or one
// of the two is closed.
func splice(ch gossh.Channel, requests <-chan *gossh.Request, conn stream) {
	go func() {
		gossh.DiscardRequests(requests) // until the channel is closed
		conn.Close()
	}()
	var both sync.WaitGroup
	both.Go(func() {
		if _, err := io.Copy(conn, ch); err != nil {
			ch.Close()
			return
		}
		_ = conn.CloseWrite() // it fails where there is nobody any more, which the other direction sees
	})
	both.Go(func() {
		if _, err := io.Copy(ch, conn); err != nil {
			ch.Close()
			return
		}
		_ = ch.CloseWrite()
	})
	both.Wait()
	ch.Close()
	conn.Close()
}
