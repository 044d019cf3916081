package Test::LLMBatch::Gateway;

# Copyright (C) The ngx_http_llm_batch_module authors

# A server that is asked by FastCGI, uwsgi or SCGI rather than HTTP: it answers
# as the backends do, and what it was asked can be had from calls().

use v5.36;

use IO::Socket::INET;
use JSON::PP;
use POSIX qw/ WNOHANG /;

use Test::LLMBatch::Server;

my $json = JSON::PP->new->utf8->canonical;

my %protocol = (fastcgi => \&_fastcgi, uwsgi => \&_uwsgi, scgi => \&_scgi);


# wanted: protocol, addr, port, dir

sub new($class, %o) {
	my $self = bless { seen => 0, test => $$, %o }, $class;

	$self->{log} = "$o{dir}/calls.$o{port}";
	open my $fh, '>', $self->{log} or die "open $self->{log}: $!";

	my $listen = IO::Socket::INET->new(LocalAddr => $o{addr},
		LocalPort => $o{port}, Listen => 1024, ReuseAddr => 1)
		or die "gateway: bind: $!";

	defined($self->{pid} = fork()) or die "fork: $!";

	if ($self->{pid} == 0) {
		$SIG{CHLD} = 'IGNORE';
		eval { $self->_serve($listen) };
		print STDERR "gateway: $@";
		POSIX::_exit(1);
	}

	return $self;
}

sub reset($self) {
	$self->{seen} = -s $self->{log};
	return $self;
}

# each a hash: items, params, body

sub calls($self) {
	open my $fh, '<', $self->{log} or die "open $self->{log}: $!";
	seek $fh, $self->{seen}, 0;
	return map { $json->decode($_) } <$fh>;
}

# a process for each connection

sub _serve($self, $listen) {
	while (my $s = $listen->accept()) {
		defined(my $pid = fork()) or die "fork: $!";

		next if $pid;

		close $listen;
		$protocol{$self->{protocol}}->($self, $s);
		close $s;
		POSIX::_exit(0);
	}
}

sub _answer($self, $params, $body) {
	my $server = Test::LLMBatch::Server::of($params->{REQUEST_URI});
	my $request = $json->decode($body);
	my $items = () = $server->items($request);

	open my $fh, '>>', $self->{log} or die "open $self->{log}: $!";
	syswrite $fh, $json->encode({ items => $items, params => $params,
		body => $body }) . "\n";

	return "Status: 200 OK\r\nContent-Type: application/json\r\n\r\n"
		. $server->answer($request, {});
}

# exactly so many bytes, or nothing at the end

sub _bytes($s, $n) {
	my $data = '';

	while (length $data < $n) {
		sysread($s, $data, $n - length $data, length $data) or return;
	}

	return $data;
}

sub _fastcgi($self, $s) {
	my ($params, $body, $keep) = ('', '', 0);

	while (defined(my $head = _bytes($s, 8))) {
		my (undef, $type, $id, $len, $pad) = unpack 'CCnnC', $head;
		my $data = substr _bytes($s, $len + $pad), 0, $len;

		if ($type == 1) {
			$keep = (unpack 'nC', $data)[1] & 1;
			$params = $body = '';

		} elsif ($type == 4) {
			$params .= $data;

		} elsif ($type == 5) {
			$body .= $data;
			next if $len;

			my $answer = $self->_answer(_pairs($params), $body);

			for my $part (unpack('(a8000)*', $answer), '') {
				print $s pack('CCnnCx', 1, 6, $id, length $part, 0), $part;
			}

			print $s pack('CCnnCx', 1, 3, $id, 8, 0), "\0" x 8;
			$s->flush();
			return unless $keep;
		}
	}
}

sub _pairs($data) {
	my %params;

	while (length $data) {
		my @len = map {
			my $n = unpack 'C', $data;
			$n = unpack 'N', $data if $n > 127;
			substr $data, 0, $n > 127 ? 4 : 1, '';
			$n & 0x7fffffff;
		} 1, 2;
		my $name = substr $data, 0, $len[0], '';

		$params{$name} = substr $data, 0, $len[1], '';
	}

	return \%params;
}

sub _uwsgi($self, $s) {
	my (undef, $size) = unpack 'Cv', _bytes($s, 4) // return;
	my %params = unpack '(v/a)*', _bytes($s, $size);

	print $s $self->_answer(\%params,
		_bytes($s, $params{CONTENT_LENGTH}));
}

sub _scgi($self, $s) {
	my $size = '';

	while (defined(my $c = _bytes($s, 1))) {
		last if $c eq ':';
		$size .= $c;
	}

	my %params = unpack '(Z*Z*)*', substr _bytes($s, $size + 1), 0, $size;

	print $s $self->_answer(\%params,
		_bytes($s, $params{CONTENT_LENGTH}));
}

sub DESTROY($self) {
	return unless $self->{pid} and $$ == $self->{test};

	local $?;
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
}

1;
