#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards those who share calls with somebody who sends what makes them fail:
# nobody gets an error that another one has caused, though it may be 502 in the
# first moments; then the guilty ones go apart, and the others are served.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('innocent clients')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

# without a breaker, which would end calls for all

fail_conf($t, <<'EOF', server => <<'EOF2');
    llm_batch_tenant shared;
    llm_batch_breaker failures=1000000 cooldown=1s;
EOF
location /tight/ {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_wait 20s;
    llm_batch_tenant shared;
    llm_batch_fallback_limit 1%;
    proxy_pass http://backend/;
}
EOF2
$t->write_file('nginx.conf', $t->read_file('nginx.conf')
	=~ s/llm_batch_fallback_limit 100%;//r);
$t->run();

sub of($who, $text) {
	return { uri => $uri, headers => { Authorization => "Bearer $who" },
		body => { model => 'm', input => $text } };
}

# 12 of each kind, each with a credential of its own

my (@guilty, @innocent, @late);

for my $round (1 .. 12) {
	my @requests = map { (of("good $_", "text $round $_"),
		of("evil $_", "POISON $round $_")) } 1 .. 12;
	my @r = $t->plugged($mock, \@requests, like => of('plug', 'plug'),
		queued => $round < 3 ? 1 : 12);

	push @innocent, map { $r[2 * $_] } 0 .. 11;
	push @late, map { $r[2 * $_] } 0 .. 11 if $round > 6;
	push @guilty, map { $r[2 * $_ + 1] } 0 .. 11;
}

is((grep { ($_->{status} // 0) == 400 } @innocent), 0,
	"nobody gets another's 400");
is_own_answer([ grep { ($_->{status} // 0) != 502 } @innocent ],
	'who is served is served right');

my $failed = grep { ($_->{status} // 0) == 502 } @innocent;
cmp_ok($failed, '<', @innocent / 6, 'most are served')
	or diag("$failed of ", scalar @innocent);

is_own_answer(\@late, 'after a while all are');
is(headers('x-status', @late), 'MERGED', 'by calls of several');
is((grep { ($_->{status} // 0) !~ /^(?:400|502)$/ } @guilty), 0,
	'the guilty ones get an error');
is(join(' ', sort { $a cmp $b } keys %{{ map {
	join(':', grep { defined } @{$_->{headers}}{qw/ x-status x-reason /}) => 1
} splice @guilty, -12 }}), 'BYPASS:breaker', 'and go apart in the end');

# who cannot be isolated, as nothing is left of the allowance

my @r = $t->plugged($mock, [ map { { %$_, uri => "/tight$uri" } }
	of('good', 'text'), of('evil', 'POISON') ],
	like => { %{of('plug', 'plug')}, uri => "/tight$uri" }, queued => 2);

is(join(' ', map { $_->{status} // 'none' } @r), '502 502',
	'an error for all says nothing of what was sent');
is(join(' ', grep { ($_->{body} // '') =~ /POISON/ } @r), '',
	'nor does its text');

$t->done();
