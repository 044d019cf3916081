#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards llm_batch_repair_encoding: a client that asked for base64 is not given
# the numbers of a server that does not know it, whether its request was merged,
# went alone or was passed through.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use List::Util qw/ uniq /;
use POSIX ();

use Test::LLMBatch;
use Test::LLMBatch::JSON;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('repair of base64')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my $slow = slow_body();

END { kill 'KILL', $slow if $slow }

for my $workers (1, 4) {
	merge_conf($t, $workers, more => 'llm_batch_headers on;', server => <<'EOF');
location /off/ {
    llm_batch_repair_encoding off;
    proxy_pass http://backend/;
}
location /alone/ {
    llm_batch_mode per_request;
    proxy_pass http://backend/;
}
location /nobuffer/ {
    proxy_buffering off;
    proxy_pass http://%%ADDR%%:8082/;
}
location /named/ {
    proxy_intercept_errors on;
    error_page 502 503 = @named;
    proxy_pass http://backend/;
}
location @named {
    llm_batch off;
    rewrite ^/named(.*) $1 break;
    proxy_pass http://backend;
}
location /internal/ {
    internal;
    llm_batch off;
    proxy_method POST;
    proxy_pass http://backend/;
}
location /without/ {
    llm_batch off;
    proxy_pass http://backend/;
}
EOF
	$t->run();

	repairs($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub of ($text, %more) {
	return { model => 'm', input => $text, encoding_format => 'base64',
		%more };
}

sub at ($where, @bodies) {
	return map { { uri => "$where$uri", body => $_ } } @bodies;
}

# what a right answer is, the mock tells: that of a server that has base64

sub repairs ($workers) {
	my %floats = (floats => 1);

	# merged

	for (
		[ 'texts', map { of("text $_", dimensions => 24) } 1 .. 8 ],
		[ 'arrays', map { of([ map { "a $_" } 0 .. $_ ]) } 1 .. 4 ],
		[ 'tokens', map { of([ [ 1, $_ ], [ $_ ] ]) } 1 .. 4 ],
	) {
		my ($name, @bodies) = @$_;

		$mock->reset();
		$mock->script(%floats);

		my @r = $t->plugged($mock, [ at('', @bodies) ]);
		is_own_answer(\@r, "merged, $name");
		is((split / /, sizes($mock)) + 0, 2, "merged, $name: one call");
		is(join(' ', uniq map { $_->{headers}{'x-status'} } @r),
			'MERGED', "merged, $name: status");
	}

	# alone, of all sizes

	for my $n (1, 2, 30) {
		for my $how ({}, { chunked => 1 }, { bytewise => 1 },
			{ type => 'application/json; charset=utf-8' })
		{
			$mock->reset();
			$mock->script(%floats, %$how);

			my $r = $t->request(at('', of([ map { "one $_" }
				1 .. $n ], dimensions => 64)));
			is_own_answer($r, "alone, $n @{[ %$how ]}");
		}
	}

	# passed through

	$mock->reset();
	$mock->script(%floats);

	my $r = $t->request({ %{(at('', of('a')))[0]},
		headers => { 'Idempotency-Key' => 'x' } });
	is_own_answer($r, 'passed through');
	is($r->{headers}{'x-status'}, 'BYPASS', 'passed through: status');
	is_own_answer($t->request(at('/alone', of('a'))), 'per_request');

	# cut

	$r = $t->request(at('/four', of([ map { "cut $_" } 1 .. 10 ])));
	is_own_answer($r, 'cut');

	# what answers after an internal redirect, also of what we answered

	$mock->reset();
	$mock->next({ headers => { 'X-Accel-Redirect' => "/internal$uri" } },
		{ %floats });
	is_own_answer($t->request(at('', of('a'))), 'X-Accel-Redirect');

	for my $n (1, 3, 100) {
		$mock->reset();
		$mock->next({ status => 503 });
		$mock->script(%floats);
		is_own_answer($t->request(at('/named', of([ map { "n $_" }
			1 .. $n ]))), "error_page, $n");
	}

	# a header that is sent at once, when nothing is buffered

	is_own_answer($t->request(at('/nobuffer', of('a'))), 'not buffered');

	# a server that knows it, and clients that did not ask

	$mock->reset();
	is_own_answer($t->request(at('', of('a'))), 'nothing to repair');

	my $plain = { model => 'm', input => 'a' };
	$mock->script(%floats);
	is_own_answer($t->request(at('', $plain)), 'floats as asked');
	is_own_answer($t->request(at('', { %$plain,
		encoding_format => 'float' })), 'floats in words');

	my @r = $t->plugged($mock, [ at('', map { { %$plain,
		input => "plain $_" } } 1 .. 4) ]);
	is_own_answer(\@r, 'floats as asked, merged');

	# errors, and what is no JSON, are as they come

	$mock->script(status => 400);
	$r = $t->request(at('', of('a')));
	is("$r->{status} $r->{json}{error}{message}", '400 status 400',
		'an error');

	my $odd = '{"data":[{"embedding":[1,"x"]}]}';

	for my $text ($odd, '{"data":[{"embedding":[1,2', '[[1,2]]', '{}',
		'{"data":[{"embedding":[1,2]}', '<html>')
	{
		$mock->script(body => $text);
		$r = $t->request(at('', of('a')));
		is($r->{body}, $text, "not understood: $text");
	}

	# and so is half of an answer

	for my $fault (qw/ cut cut_chunked /) {
		$mock->reset();
		$mock->script(%floats, fault => $fault);
		$r = $t->request(at('', of('a')));
		is("$r->{status} $r->{error}", '200 closed', "$fault: as it is");
		like($r->{body}, qr/"data":\[\{/, "$fault: what there is of it");
	}

	# off, and without us

	$mock->script(%floats);

	for my $where ('/off', '/without') {
		$r = $t->request(at($where, of('a')));
		is(ref $r->{json}{data}[0]{embedding}, 'ARRAY',
			"$where: as it comes");
	}

	@r = $t->plugged($mock, [ at('/off', map { of("a $_") } 1 .. 4) ]);
	is(join(' ', uniq map { ref $_->{json}{data}[0]{embedding} } @r),
		'ARRAY', '/off: merged, as it comes');

	$mock->reset();
}

# a server whose header comes some time before the body

sub slow_body {
	my $listen = IO::Socket::INET->new(LocalAddr => $t->addr(),
		LocalPort => 8082, Listen => 16, ReuseAddr => 1) or die "$!";
	my $pid = fork() // die "fork: $!";

	return $pid if $pid;

	while (my $s = $listen->accept()) {
		my ($request, $length) = ('', 0);

		while (my $line = <$s>) {
			$length = $1 if $line =~ /^content-length: (\d+)/i;
			last if $line eq "\r\n";
		}

		read $s, $request, $length;

		my $body = Test::LLMBatch::Server::of($uri)->answer(
			decode_json($request), { floats => 1 });

		$s->autoflush(1);
		print $s "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"
			. 'Content-Length: ' . length($body) . "\r\n\r\n";
		select undef, undef, undef, 0.05;
		print $s $body;
		close $s;
	}

	POSIX::_exit(0);
}
