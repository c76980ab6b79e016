// lookup NAME|ADDRESS...: what the C library finds, a line for each: the addresses of a name, or the name of an address.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *reason(int error)
{
	switch (error) {
	case EAI_NONAME:
		return "NONAME";
#ifdef EAI_NODATA
	case EAI_NODATA:
		return "NODATA";
#endif
	case EAI_AGAIN:
		return "AGAIN";
	}
	return "FAIL";
}

static void lookup(const char *what)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
	struct sockaddr_in in = {.sin_family = AF_INET};
	char text[NI_MAXHOST];
	int error;

	if (inet_pton(AF_INET, what, &in.sin_addr) == 1) {
		error = getnameinfo((void *)&in, sizeof in, text, sizeof text, NULL, 0, NI_NAMEREQD);
		puts(error ? reason(error) : text);
		return;
	}
	error = getaddrinfo(what, NULL, &hints, &all);
	if (error) {
		puts(reason(error));
		return;
	}
	for (struct addrinfo *a = all; a; a = a->ai_next)
		if (!getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST))
			printf("%s ", text);
	puts("");
	freeaddrinfo(all);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		lookup(argv[i]);
	return 0;
}
