"""Layouts that titles have to be found in, as texts made by this script: red heads, orders, standards, forms, web pages…

Each layout is filled with several contents, so that no rule can know the words. A type size and a centre are given where a
printed page has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rag.datamodels import LineBox


@dataclass(frozen=True, slots=True)
class Case:
    """A made file and what it has to be called; an empty fact is one that the text does not state."""

    layout: str
    text: str
    title: str
    stem: str = "a1b2c3d4e5f60718"
    declared: str = ""
    doc_number: str = ""
    issuer: str = ""
    date: str = ""
    effective: str = ""  # as the contents write it
    sizes: tuple[float, ...] = ()  # of the type of the first lines, in fractions of the page's height

    @property
    def boxes(self) -> tuple[LineBox, ...]:
        """The places of the first lines: centred where they are larger than the text."""
        found, at, top = [], 0, 0.1
        for line, size in zip(self.text.splitlines(), self.sizes, strict=False):
            if line.strip():
                half = min(0.4, len(line) * size * 0.35)
                left = 0.5 - half if size > 0.015 else 0.1
                found.append(LineBox(at, at + len(line), 1, left, top, left + 2 * half, top + size))
            at, top = at + len(line) + 1, top + size * 1.5
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Content:
    """Words to fill a layout with."""

    city: str
    what: str  # of a notice
    law: str
    number: int
    han_date: str
    date: str
    month: str  # of entry into force


CONTENTS = (
    Content("常州市", "职工书屋建设", "工伤预防管理条例", 12, "二〇二三年三月五日", "2023-03-05", "2023年5月1日"),
    Content("青岛市", "夏季送清凉活动", "船员培训管理规则", 7, "二〇二二年六月十八日", "2022-06-18", "2022年9月1日"),
    Content("成都市", "劳模疗休养", "职工代表大会规定", 105, "二〇二一年十一月三十日", "2021-11-30", "2022年1月1日"),
    Content("遵义市", "女职工安康行动", "集体合同条例", 33, "二〇二四年二月二十一日", "2024-02-21", "2024年4月1日"),
    Content(
        "哈尔滨市", "冬季安全生产大检查", "档案利用暂行办法", 2, "二〇二〇年十月十日", "2020-10-10", "2020年12月1日"
    ),
)
PROSE = "为深入贯彻落实上级有关会议精神，进一步做好相关工作，现就有关事项通知如下，请认真组织实施。"


def _arabic(one: Content) -> str:
    year, month, day = one.date.split("-")
    return f"{year}年{int(month)}月{int(day)}日"


def red_head(one: Content) -> Case:
    title = f"关于开展{one.what}的通知"
    return Case(
        "red head",
        f"{one.city}总工会文件\n\n{one.city[0]}工发〔2023〕{one.number}号\n\n{title}\n\n各区总工会，各直属单位：\n{PROSE}\n"
        f"一、总体要求\n认真组织。\n\n{one.city}总工会\n{_arabic(one)}\n",
        title, doc_number=f"{one.city[0]}工发〔2023〕{one.number}号", issuer=f"{one.city}总工会", date=one.date,
    )  # fmt: skip


def number_glued(one: Content) -> Case:
    title = f"{one.city}人民政府办公厅关于做好{one.what}工作的意见"
    number = f"{one.city[0]}政办发〔2022〕{one.number}号"
    return Case(
        "number before the title", f"{number} {title}\n各县（市、区）人民政府：\n{PROSE}\n{one.city}人民政府办公厅\n{one.han_date}\n",
        title, doc_number=number, issuer=f"{one.city}人民政府办公厅", date=one.date,
    )  # fmt: skip


def two_lines(one: Content) -> Case:
    return Case(
        "title of two lines",
        f"{one.city}总工会关于进一步加强和改进新时代\n{one.what}工作的实施意见\n{PROSE}\n一、指导思想\n略。\n{one.city}总工会\n{one.han_date}\n",
        f"{one.city}总工会关于进一步加强和改进新时代{one.what}工作的实施意见", issuer=f"{one.city}总工会", date=one.date,
    )  # fmt: skip


def issuer_above(one: Content) -> Case:
    return Case(
        "issuer on the line above",
        f"{one.city}人民政府\n关于印发{one.what}方案的通知\n{one.city[0]}政发〔2021〕{one.number}号\n各有关单位：\n{PROSE}\n",
        f"{one.city}人民政府关于印发{one.what}方案的通知", doc_number=f"{one.city[0]}政发〔2021〕{one.number}号", issuer=f"{one.city}人民政府",
    )  # fmt: skip


def order(one: Content) -> Case:
    return Case(
        "order of the State Council",
        f"中华人民共和国国务院令\n第 {500 + one.number} 号\n《{one.law}》已经国务院常务会议通过，现予公布，自{one.month}起施行。\n"
        f"总理　某某某\n{_arabic(one)}\n{one.law}\n第一章　总则\n第一条　为了规范管理，制定本条例。\n",
        one.law, doc_number=f"国务院令第{500 + one.number}号", issuer="国务院", date=one.date, effective=one.month,
    )  # fmt: skip


def ministry_order(one: Content) -> Case:
    return Case(
        "order of a ministry",
        f"中华人民共和国交通运输部令\n2023年第{one.number}号\n现公布《{one.law}》，自{one.month}起施行。\n部长　某某某\n{_arabic(one)}\n"
        f"{one.law}\n第一条　为了规范管理，制定本规则。\n",
        one.law, doc_number=f"交通运输部令2023年第{one.number}号", issuer="交通运输部", date=one.date, effective=one.month,
    )  # fmt: skip


def law(one: Content) -> Case:
    title = f"{one.city}{one.law}"
    return Case(
        "law with its history",
        f"{title}\n（{_arabic(one)}{one.city}第十六届人民代表大会常务委员会第三次会议通过　自{one.month}起施行）\n目　录\n第一章　总则\n第二章　附则\n"
        f"第一章　总则\n第一条　为了规范管理，制定本条例。\n第二条　本条例自{one.month}起施行。\n",
        title, date=one.date, effective=one.month,
    )  # fmt: skip


def labelled(one: Content) -> Case:
    title = f"{one.city}总工会关于做好{one.what}的通知"
    number = f"{one.city[0]}工办〔2023〕{one.number}号"
    return Case(
        "labels and values",
        f"索 引 号：014109/2023-00{one.number}\n主题分类：综合政务\n发文机关：{one.city}总工会\n成文日期：{_arabic(one)}\n标　　题：{title}\n"
        f"发文字号：{number}\n发布日期：2024年12月30日\n各单位：\n{PROSE}\n",
        title, doc_number=number, issuer=f"{one.city}总工会", date=one.date,
    )  # fmt: skip


def bid(one: Content) -> Case:
    return Case(
        "bid without a title of its own",
        f"（投标人盖章）\n正本\n招标编号：ZB2023-{one.number}\n项目名称：{one.city}{one.what}采购\n投标人：某某有限公司\n",
        f"{one.city}{one.what}采购投标文件", stem=f"{one.city}{one.what}采购投标文件",
    )  # fmt: skip


def url_first(one: Content) -> Case:
    title = f"{one.city}举办{one.what}启动仪式"
    return Case(
        "web page printed",
        f"https://www.example.org/art/2023/5/{one.number}.html\n首页 > 新闻中心 > 工作动态\n{title}\n来源：本站　时间：2023-05-04 10:22\n"
        f"本报讯　5月4日，{one.city}举办了启动仪式。\n",
        title, date="2023-05-04",
    )  # fmt: skip


def standard(one: Content) -> Case:
    title = f"{one.what}服务规范"
    return Case(
        "national standard",
        f"ICS 13.100\nCCS C 65\n中华人民共和国国家标准\nGB/T 3{one.number:04d}—2022\n{title}\nSpecification for services\n"
        f"2022-06-29发布　2022-12-01实施\n国家市场监督管理总局\n国家标准化管理委员会　发布\n前言\n{PROSE}\n",
        title, date="2022-06-29", effective="2022年12月1日",
    )  # fmt: skip


def speech(one: Content) -> Case:
    title = f"在{one.city}{one.what}工作会议上的讲话"
    return Case("speech", f"{title}\n（{_arabic(one)}）\n某某某\n同志们：\n{PROSE}\n", title, date=one.date)


def report(one: Content) -> Case:
    return Case(
        "report with a subtitle",
        f"政 府 工 作 报 告\n——{_arabic(one)}在{one.city}第十七届人民代表大会第二次会议上\n{one.city}市长　某某某\n各位代表：\n{PROSE}\n",
        "政府工作报告", date=one.date,
    )  # fmt: skip


def contract(one: Content) -> Case:
    return Case(
        "contract", f"合同编号：HT-{one.number}\n{one.what}服务合同\n甲方：{one.city}总工会\n乙方：某某有限公司\n{PROSE}\n",
        f"{one.what}服务合同",
    )  # fmt: skip


def prose_only(one: Content) -> Case:
    return Case(
        "text without a title", f"{one.city}的{one.what}从三月开始，到十月结束，参加的有两千多人。\n{PROSE}\n",
        f"{one.what}情况", stem=f"{one.number}_{one.what}情况",
    )  # fmt: skip


def hex_name(one: Content) -> Case:
    return Case(
        "hex in name and first line", f"3f2a9c{one.number:02d}7be1d04455aa\n{one.what}工作总结\n{PROSE}\n",
        f"{one.what}工作总结", declared="Microsoft Word - 3f2a9c.doc",
    )  # fmt: skip


def declared_only(one: Content) -> Case:
    return Case(
        "only the property has it", f"第 1 页\n{PROSE}\n{PROSE}\n", f"{one.city}{one.what}白皮书",
        declared=f"{one.city}{one.what}白皮书", stem="scan0001",
    )  # fmt: skip


def stale_property(one: Content) -> Case:
    return Case(
        "property left over from a template", f"（盖章处）\n姓名：\n部门：\n{PROSE}\n", f"{one.what}报名表",
        declared="关于召开年度总结大会的通知", stem=f"{one.what}报名表",
    )  # fmt: skip


def thesis(one: Content) -> Case:
    title = f"基于大数据的{one.what}研究"
    return Case(
        "thesis", f"某某大学\n硕士学位论文\n题　目：{title}\n学生姓名：某某\n指导教师：某某\n摘要\n{PROSE}\n", title
    )


def attachment(one: Content) -> Case:
    return Case("attachment", f"附件{one.number}\n\n{one.what}申报表\n填报单位：\n联系人：\n", f"{one.what}申报表")


def secret(one: Content) -> Case:
    title = f"{one.city}{one.what}应急预案"
    return Case("secrecy and urgency", f"机密★一年\n特急\n内部资料　注意保存\n{title}\n{PROSE}\n", title)


def draft(one: Content) -> Case:
    return Case(
        "draft in brackets", f"{one.law}\n（征求意见稿）\n第一条　为了规范管理，制定本条例。\n第二条　本条例自{one.month}起施行。\n",
        f"{one.law}（征求意见稿）", effective=one.month,
    )  # fmt: skip


def largest(one: Content) -> Case:
    title = f"走进{one.what}"
    return Case(
        "largest type", f"{one.city}群众文化丛书\n工会读物编写组\n{title}\n{one.city}出版社\n{PROSE}\n", title,
        sizes=(0.014, 0.014, 0.034, 0.014, 0.012),
    )  # fmt: skip


def largest_two_lines(one: Content) -> Case:
    return Case(
        "largest type on two lines", f"内部学习\n{one.city}职工生活品质提升\n与{one.what}蓝皮书\n二〇二三年卷\n{PROSE}\n",
        f"{one.city}职工生活品质提升与{one.what}蓝皮书", sizes=(0.012, 0.034, 0.034, 0.014, 0.012),
    )  # fmt: skip


def question(one: Content) -> Case:
    title = f"{one.what}应该怎样报名？"
    return Case("question", f"{title}\n答：{PROSE}\n", title)


def table(one: Content) -> Case:
    return Case(
        "rows of a table", f"序号 | 姓名 | 单位\n1 | 张三 | {one.city}\n2 | 李四 | {one.city}\n", f"{one.what}人员名单",
        stem=f"{one.what}人员名单（终稿）".removesuffix("（终稿）"),
    )  # fmt: skip


LAYOUTS: tuple[Callable[[Content], Case], ...] = (
    red_head, number_glued, two_lines, issuer_above, order, ministry_order, law, labelled, bid, url_first, standard, speech,
    report, contract, prose_only, hex_name, declared_only, stale_property, thesis, attachment, secret, draft, largest,
    largest_two_lines, question, table,
)  # fmt: skip


def cases() -> Iterator[Case]:
    """Every layout with every content."""
    for layout in LAYOUTS:
        for content in CONTENTS:
            yield layout(content)
